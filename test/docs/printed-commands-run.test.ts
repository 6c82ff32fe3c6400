// Each command that README and the pages of docs/ print is run by a test in the set-up of its page, or stands on a short
// list with the reason why not. printed-commands.test.ts checks their words and options.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { commandNames, splitCommand } from "../../cli/framework/command-table.ts";
import { services } from "../../cli/framework/service-table.ts";
import { commandRuns, notRun, ouroborosRuns } from "./command-runs.ts";

const ROOT = join(import.meta.dirname, "../../..");
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const pages = [
  "README.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md") && name !== "reliability.md") // it lists what tests did
    .map((name) => `docs/${name}`),
];

const FENCE = /^( *)```(\w*)\n([\s\S]*?)^ *```$/gm;
const INDENTED = /(?<=\n\n)(?: {4}(?!\d)[^\n]*\n)+/g;
const PROGRAM =
  /^(?:[A-Z_]+=\S+ )*(?:docker|npm|npx|ouroboros|curl|chmod|mkdir|printf|touch|sed|node|openssl|nats-server|nats|mosquitto_\w+) +\S/;

/** What a shell is given: a block without its prompt's comments, or a command in a sentence. Files are none. */
function commandsIn(page: string): string[] {
  const text = read(page);
  const fenced = [...text.matchAll(FENCE)].filter(([, , language]) => language === "sh");
  const rest = text.replaceAll(FENCE, "");
  const blocks = [...fenced.map(([, , , block = ""]) => block), ...(rest.match(INDENTED) ?? [])]
    .map((block) => block.replaceAll(/^ +/gm, "").trim())
    .filter((block) => !block.startsWith("#!") && block.split("\n").some((line) => PROGRAM.test(line)));
  const inline = [...rest.replaceAll(INDENTED, "").matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
  return [...blocks, ...inline.filter((code) => PROGRAM.test(code) && !isMessage(code))];
}

/** A message that begins with the name of a program (docs/errors.md). */
const isMessage = (code: string): boolean => /^(?:openssl|nats-server) (?:…|did not)/.test(code);

const oneLine = (command: string): string => command.replaceAll(/\\\n\s*/g, "");

/** `ouroboros …` alone, with or without arguments. */
function ouroborosCommand(command: string): (typeof commandNames)[number] | "service" | "family" | undefined {
  const lines = command.split("\n").map((line) => line.replace(/\s+#.*$/, ""));
  const [, words = ""] = /^ouroboros(?: (.*))?$/.exec(lines[0] ?? "") ?? [];
  if (lines.length > 1 || !/^ouroboros\b/.test(command)) return undefined;
  const [first = "", second] = words.split(" ");
  if (first === "" || first === "--help" || Object.hasOwn(services, first)) return "service";
  if (second === undefined || second === "--help")
    if (commandNames.some((name) => name.startsWith(`${first} `))) return "family";
  return splitCommand(words.split(" "))?.name;
}

const all = pages.flatMap((page) => commandsIn(page).map((command) => ({ page, command: oneLine(command) })));

const unknown = all.filter(
  ({ command }) =>
    ![...commandRuns, ...notRun].some(({ prints }) => prints.test(command)) &&
    ouroborosCommand(command) === undefined,
);

describe("the commands that README and docs/ print", () => {
  it("are many", () => assert.ok(all.length > 100, String(all.length)));

  it("are each run by a test, or listed with a reason", () =>
    assert.deepEqual(
      unknown.map(({ page, command }) => `${page}: ${command}`),
      [],
    ));

  it("need each row of the lists", () =>
    assert.deepEqual(
      [...commandRuns, ...notRun]
        .filter(({ prints }) => !all.some(({ command }) => prints.test(command)))
        .map(({ prints }) => String(prints)),
      [],
    ));

  for (const { test, words } of [...commandRuns, ...Object.values(ouroborosRuns)])
    it(`are run where the list says: ${words} in ${test}`, () =>
      assert.ok(read(join("test", test)).includes(words)));
});
