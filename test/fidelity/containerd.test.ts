import { after, before, describe } from "mocha";
import { bedCommand, engine } from "../bed/bed.ts";
import { describeBatch } from "./batch.ts";
import { casesOf } from "./cases.ts";

describe("an updated container equals one that was created on the new image", () => {
  describe("on Engine 28.5 with containerd's images", () => {
    before(() => bedCommand("boot", "24", "28.5", "--feature=containerd-snapshotter=true"));
    after(() => bedCommand("cut", "24"));
    // What an image has to do with; all cases are in the long run.
    const cases = casesOf("the container itself", "volumes and mounts", "left alone");
    describeBatch("whose images change in every default", { engine: () => engine(24), cases });
  });
});
