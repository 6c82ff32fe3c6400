import assert from "node:assert/strict";
import { drawTerminal } from "../../../examples/demo/terminal-picture.ts";

const rowsOf = (output: string): string[] =>
  [...drawTerminal(output).matchAll(/<text [^>]*>(.*)<\/text>/g)].map(([, row = ""]) => row);

describe("the picture of the demo", () => {
  for (const [sentence, output, rows] of [
    ["has a row for each line, also for an empty one", "a\n\nb\n", ["a", "", "b"]],
    ["keeps colours", "\x1b[31mno\x1b[39m, he said", ['<tspan class="red">no</tspan>, he said']],
    ["escapes what SVG reads as its own", "a < b & c > d", ["a &lt; b &amp; c &gt; d"]],
    [
      "goes on below the words where a line is too long",
      `${"x".repeat(100)} ${"y".repeat(30)}`,
      ["x".repeat(100), `${" ".repeat(26)}${"y".repeat(30)}`],
    ],
    ["cuts a word that is longer than a line", "z".repeat(120), ["z".repeat(118), `${" ".repeat(26)}zz`]],
  ] as const)
    it(sentence, () => assert.deepEqual(rowsOf(output), rows));
});
