import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { flagsIn, nodeFlags, read } from "./node-flags.ts";

describe("the flags of Node", () => {
  it("are the same in the image and by `npm start`", () => {
    const [, entrypoint = "[]"] = /^ENTRYPOINT (.*)$/m.exec(read("Dockerfile")) ?? [];
    const words = JSON.parse(entrypoint) as string[];
    assert.deepEqual(flagsIn(words.join(" ")), nodeFlags);
    assert.deepEqual(nodeFlags, ["--optimize-for-size"]);
  });
});
