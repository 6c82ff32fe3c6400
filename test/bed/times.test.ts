import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { slowest } from "./times.ts";

const times = Array.from({ length: 12 }, (_, n) => ({ file: `f${n}`, wallMs: n * 1000, cpuMs: 100 }));

describe("the list of file times", () => {
  it("lists the ten slowest files", () => {
    const lines = slowest(times, "");
    assert.deepEqual([lines.length, lines[1]], [11, "  11.0 s,    0.1 s of processor  f11"]);
  });
  it("lists all files and their sum on request", () => {
    const lines = slowest(times, "all");
    assert.deepEqual([lines.length, lines.at(-1)], [14, "  66.0 s,    1.2 s of processor  all 12 files"]);
  });
  it("is empty when no file was run by itself", () => assert.deepEqual(slowest([], "all"), []));
});
