// Each command of `ouroboros` that a page prints is one that the program understands: its words, options and values.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { Command } from "../../cli/framework/command.ts";
import { parseCommandLine } from "../../cli/framework/command-line.ts";
import { commandNames, commands, splitCommand } from "../../cli/framework/command-table.ts";
import { services } from "../../cli/framework/service-table.ts";
import { WrongUsage } from "../../shared/errors.ts";

const ROOT = join(import.meta.dirname, "../../..");
const pages = [
  "README.md",
  "compose.yaml",
  "compose.secure.yaml",
  "compose.remote-nats.yaml",
  ...["docs", "hooks", "examples"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(md|sh|py|mjs|ya?ml)$/.test(name))
      .map((name) => join(folder, name)),
  ),
].filter((page) => page !== "docs/commands.md"); // the table's own usage lines

interface PrintedCommand {
  readonly page: string;
  readonly line: string;
  /** In a block of commands, and not mentioned in a sentence, where the rest may be left out. */
  readonly isWhole: boolean;
}

/** What follows `ouroboros`, up to the end of the command in a shell. */
function commandsIn(page: string): PrintedCommand[] {
  const text = readFileSync(join(ROOT, page), "utf8").replace(/\\\n\s*/g, " ");
  const mentioned = text.matchAll(/`[^`\n]*?\bouroboros ((?!ouroboros)[a-z][^`\n]*)`/g);
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block).join("");
  const lineOf = ([, words = ""]: RegExpMatchArray): string =>
    words.replace(/\s(?:[|>&;]|2>|# |…|\.\.\.).*$/, "").trim();
  return [
    ...[...mentioned].map((match) => ({ page, line: lineOf(match), isWhole: false })),
    ...[...blocks.matchAll(/\bouroboros ((?!ouroboros)[a-z][^\n]*)/g)].map((match) => ({
      page,
      line: lineOf(match),
      isWhole: true,
    })),
  ];
}

const wordsIn = (line: string): string[] =>
  [...line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replace(/["']/g, ""));

/** What is wrong with it, but for what a sentence leaves out. */
function faultsOf({ line, isWhole }: PrintedCommand): string[] {
  const words = wordsIn(line);
  const [first = ""] = words;
  if (Object.hasOwn(services, first) || ["help", "version"].includes(first)) return [];
  const command = splitCommand(words);
  const isFamily = words.length === 1 || words[1] === "--help";
  if (command === undefined)
    return isFamily && commandNames.some((other) => other.startsWith(`${first} `)) ? [] : ["no such command"];
  try {
    parseCommandLine<Command>(commands[command.name], command.rest);
    return [];
  } catch (error) {
    if (!(error instanceof WrongUsage)) throw error;
    return error.message.split("\n").filter((fault) => isWhole || !/ is missing$|needs a value/.test(fault));
  }
}

describe("the commands that the pages print", () => {
  const printed = pages.flatMap(commandsIn);

  it("are many, whole ones among them", () => {
    assert.ok(printed.length > 70, String(printed.length));
    assert.ok(printed.filter(({ isWhole }) => isWhole).length > 5);
  });

  for (const page of pages)
    it(`are known: ${page}`, () =>
      assert.deepEqual(
        printed
          .filter((command) => command.page === page)
          .flatMap((command) => faultsOf(command).map((fault) => `ouroboros ${command.line}: ${fault}`)),
        [],
      ));
});
