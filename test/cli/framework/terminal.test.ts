import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { printTable } from "../../../cli/framework/terminal.ts";
import { systemClock } from "../../../shared/clock.ts";

const LONG = "a registry that says a lot about what it does not like";

/** The width of the terminal, undefined where there is none, and the last line. */
const cases: readonly [string, number | undefined, string][] = [
  ["is whole where it is no terminal", undefined, `web  ${LONG}`],
  ["is whole where there is room", 80, `web  ${LONG}`],
  ["ends where the terminal ends", 40, `web  ${LONG.slice(0, 33)}…`],
  ["keeps twenty letters in any terminal", 10, `web  ${LONG.slice(0, 19)}…`],
];

describe("the last column of a table", () => {
  for (const [what, columns, expected] of cases)
    it(what, () => {
      let out = "";
      const stdout = {
        write: (text: string) => (out += text),
        isTTY: columns !== undefined,
        ...(columns !== undefined && { columns }),
      };
      const { signal } = new AbortController();
      const terminal = { env: { NO_COLOR: "1" }, stdout, stderr: stdout, clock: systemClock, signal };
      printTable(terminal, ["NAME", "WHY"], [["web", LONG]]);
      assert.equal(
        out
          .trimEnd()
          .split("\n")
          .at(-1)
          ?.replace(/^web +/, "web  "),
        expected.replace(/…$/, "…"),
      );
    });
});
