import { WrongUsage } from "../../../shared/errors.ts";
import assert from "node:assert/strict";
import type { Command } from "../../../cli/framework/command.ts";
import { allOptionsOf, parseCommandLine } from "../../../cli/framework/command-line.ts";
import { type CommandName, commandNames, commands } from "../../../cli/framework/command-table.ts";
import { programUsage } from "../../../cli/framework/usage.ts";
import { didYouMean } from "../../../shared/settings/did-you-mean.ts";
import {
  type Cell,
  type Terminal,
  sanitize,
  printFields,
  printTable,
} from "../../../cli/framework/terminal.ts";
import {
  formatAgo,
  formatDuration,
  formatRelative,
  formatDurationArgument,
} from "../../../shared/runtime/time-text.ts";
import { systemClock } from "../../../shared/clock.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";

describe("the line of a command", () => {
  const read: readonly [string, CommandName, readonly string[], Record<string, unknown>][] = [
    ["defaults", "events", [], { follow: false, since: 86_400_000, json: false }],
    [
      "a value behind a blank or =",
      "events",
      ["--since", "2h", "--host=h1"],
      { since: 7_200_000, host: "h1" },
    ],
    ["short options", "events", ["-f", "-ojson"], { follow: true, json: true }],
    [
      "options between the words",
      "verdict",
      ["web", "--reason", "no", "refuse"],
      { EVENT: "web", VERDICT: "refuse", reason: "no" },
    ],
    ["the last of an option that is given twice", "pending", ["--host", "a", "--host", "b"], { host: "b" }],
    [
      "a value that begins with a dash, behind =",
      "verdict",
      ["web", "refuse", "--reason=-"],
      { reason: "-" },
    ],
    ["a container as the Engine spells it", "explain", ["/web"], { CONTAINER: "web" }],
    ["words behind --", "explain", ["--", "--web"], { CONTAINER: "--web" }],
  ];
  for (const [what, name, args, given] of read)
    it(`gives ${what}`, () => {
      const found = parseCommandLine<Command>(commands[name], args) as Record<string, unknown>;
      for (const [key, value] of Object.entries(given)) assert.deepEqual(found[key], value, key);
    });

  const wrong: readonly [string, CommandName, readonly string[], string][] = [
    [
      "--json, with how it is spelt here",
      "status",
      ["--json"],
      "--json is no option of this command; did you mean -o json?",
    ],
    [
      "an option nobody knows, with the nearest",
      "events",
      ["--hst", "a"],
      "--hst is no option of this command; did you mean --host?\n  a: too many words",
    ],
    ["a value that is missing", "pending", ["--host"], "--host needs a value, HOST"],
    ["an option in place of a value", "events", ["--host", "--follow"], "--host needs a value, HOST"],
    ["a value for a switch", "events", ["--follow=yes"], "--follow takes no value"],
    ["an argument that is missing", "verdict", ["web"], "VERDICT is missing"],
    ["too many words", "pending", ["now"], "now: too many words"],
    [
      "everything at once",
      "events",
      ["--hook", "x", "--since", "soon"],
      '--since "soon": allowed is a number of seconds',
    ],
  ];
  for (const [what, name, args, says] of wrong)
    it(`refuses ${what}`, () => {
      assert.throws(
        () => parseCommandLine(commands[name], args),
        (error: Error) => error instanceof WrongUsage && error.message.includes(says),
      );
    });

  for (const name of commandNames)
    it(`${name}: a wrong option shows the usage, and --help every word and option`, async () => {
      const words = name.split(" ");
      const { code, err } = await runOperatorCommand({}, [...words, "--no-such-thing"]);
      assert.equal(code, 2);
      assert.match(
        err,
        new RegExp(`^ouroboros ${name}: [^]*--no-such-thing is no option[^]*\nUsage: ouroboros ${name}`),
      );
      const help = await runOperatorCommand({}, [...words, "--help"]);
      assert.equal(help.code, 0);
      for (const word of [
        ...Object.keys((commands[name] as Command).arguments ?? {}),
        ...Object.keys(allOptionsOf(commands[name])),
      ])
        assert.ok(help.out.includes(word), word);
      assert.deepEqual(unfitFor80(help.out), []);
    });

  it("--help of the program fits 80 columns too, without Markdown", () =>
    assert.deepEqual(unfitFor80(programUsage()), []));
});

/** Lines that a terminal of 80 columns breaks, or that show Markdown. */
const unfitFor80 = (text: string): string[] =>
  text.split("\n").filter((line) => line.length > 80 || /`|\]\(|\*\w+\*/.test(line));

describe("what was meant", () => {
  const cases: readonly [string, readonly string[], string][] = [
    ["wbe", ["web", "db"], "; did you mean web?"],
    ["weeb", ["web", "db"], "; did you mean web?"],
    ["ngin", ["web", "nginx-1", "nginx"], "; did you mean nginx or nginx-1?"],
    ["DB", ["web", "db"], "; did you mean db?"],
    ["something", ["web"], ""],
  ];
  for (const [word, names, says] of cases)
    it(`by ${word} where there are ${names.join(", ")}`, () => assert.equal(didYouMean(word, names), says));
});

describe("what is printed for people", () => {
  const printed = (
    env: NodeJS.ProcessEnv,
    isTTY: boolean,
    print: (terminal: Terminal) => void = (terminal) =>
      printTable(
        terminal,
        ["A", "B"],
        [
          ["long", { text: "x", colour: "red" } satisfies Cell],
          ["s", "y"],
        ],
      ),
  ): string => {
    let out = "";
    const stdout = { isTTY, write: (text: string) => (out += text) };
    print({ env, stdout, stderr: stdout, clock: systemClock, signal: new AbortController().signal });
    return out;
  };

  it("is aligned", () => assert.equal(printed({}, false), "A     B\nlong  x\ns     y\n"));
  it("has colours on a terminal, which take no room", () =>
    assert.equal(
      printed({}, true),
      "\u001b[1mA\u001b[0m     \u001b[1mB\u001b[0m\nlong  \u001b[31mx\u001b[0m\ns     y\n",
    ));
  it("has none with NO_COLOR, which counts unless it is empty", () => {
    assert.equal(printed({ NO_COLOR: "1" }, true), printed({}, false));
    assert.equal(printed({ NO_COLOR: "" }, true), printed({}, true));
  });
  it("leaves out fields that are not there", () =>
    assert.equal(
      printed({}, false, (terminal) =>
        printFields(terminal, [
          ["one", "1"],
          ["none", undefined],
          ["three", "3"],
        ]),
      ),
      "  one:    1\n  three:  3\n",
    ));
  it("obeys nothing that others wrote", () =>
    assert.equal(sanitize("a\r\n b\u001b[2Jc\u202ed\u0007"), "a b\ufffd[2Jc\ufffdd\ufffd"));

  const now = Date.parse("2026-03-01T12:00:00Z");
  it("tells times as people do", () => {
    assert.equal(formatRelative(now - 190_000, now), "3 min ago");
    assert.equal(formatRelative(now + 7_200_001, now), "in 2 h");
    assert.equal(formatRelative(now - 999, now), "now");
    assert.equal(formatAgo("2026-02-26T12:00:00Z", now), "3 d ago");
    assert.equal(formatAgo("never", now), "never");
    assert.deepEqual(
      [formatDuration(1234), formatDuration(90_000), formatDuration(150_000)],
      ["1.2 s", "90 s", "3 min"],
    );
    assert.deepEqual(
      [formatDurationArgument(90_000), formatDurationArgument(3_600_000), formatDurationArgument(500)],
      ["90s", "1h", "500ms"],
    );
  });
});
