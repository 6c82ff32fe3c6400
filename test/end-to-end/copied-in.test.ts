import { after, before, describe } from "mocha";
import { bedCommand, engine } from "../bed/bed.ts";
import { describeCopiedIn } from "./copied-in.ts";

const kinds = [
  { title: "20.10", number: 2 },
  {
    title: "28.5 with containerd's images",
    number: 31,
    boot: ["28.5", "--feature=containerd-snapshotter=true"],
  },
];

describe("an update of a container that files were copied into", function () {
  this.timeout(180_000);
  for (const { title, number, boot } of kinds)
    describe(`on Engine ${title}`, () => {
      if (boot !== undefined) {
        before(() => bedCommand("boot", `${number}`, ...boot));
        after(() => bedCommand("cut", `${number}`));
      }
      describeCopiedIn(() => engine(number), number);
    });
});
