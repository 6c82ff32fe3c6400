import { after, before, describe } from "mocha";
import { bedCommand, engine } from "../bed/bed.ts";
import { describeCopiedIn } from "./copied-in.ts";

const kinds = [
  { title: "28.5", number: 1 },
  { title: "26.1", number: 31, boot: ["26.1"] },
];

describe("an update of a container that files were copied into", function () {
  this.timeout(300_000);
  for (const { title, number, boot } of kinds)
    describe(`on Engine ${title}`, () => {
      if (boot !== undefined) {
        before(() => bedCommand("boot", `${number}`, ...boot));
        after(() => bedCommand("cut", `${number}`));
      }
      describeCopiedIn(() => engine(number), number);
    });
});
