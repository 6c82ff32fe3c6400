// Prints `ouroboros --help` and `ouroboros COMMAND --help` from the tables of commands and settings.
import { readFileSync } from "node:fs";
import { settings } from "../../shared/settings/settings.ts";
import type { Command, Option } from "./command.ts";
import { allOptionsOf } from "./command-line.ts";
import { type CommandName, commandNames, commands } from "./command-table.ts";
import { services } from "./service-table.ts";
import { wrapText } from "./terminal.ts";

const SETTINGS_INTRO =
  "Each setting is an environment variable; NAME_FILE gives the value of NAME from a file. Flags stand for the same " +
  "settings, the environment beats them. In brackets the value by default.";
const COMMAND_END =
  "NATS_URL and the other settings of NATS are read from the environment; without them the private NATS of the " +
  "Ouroboros that runs on DATA_DIR is asked. Exit codes: 0 done, 1 not done or not there, 2 wrong usage, 3 nothing " +
  "could be learned.";

interface Row {
  readonly says: string;
  readonly flags?: readonly string[];
  readonly byDefault?: string;
}

export const programUsage = (): string =>
  [
    "Keeps containers up to date with their images, and asks before every step.\n",
    "Usage:",
    ...alignRows([
      ["ouroboros [SETTING...]", "All services in one process; a private NATS too, unless NATS_URL is set."],
      ["ouroboros SERVICE [SETTING...]", "One of the services."],
      ["ouroboros COMMAND", "Asks what runs, or has it do something."],
      ["ouroboros COMMAND --help", "What a command does and takes."],
      ["ouroboros --help | --version", ""],
    ]),
    "\nServices:",
    ...alignRows(Object.entries(services)),
    "\nCommands:",
    ...alignRows(commandNames.map((name) => [name, commands[name].says] as const)),
    "",
    foldText(SETTINGS_INTRO),
    "",
    ...Object.entries<Row>(settings).flatMap(([name, { flags = [], byDefault = "", says }]) => [
      `  ${[name, ...flags].join(", ")}${byDefault === "" ? "" : ` [${byDefault}]`}`,
      ...wrapText(plainText(says), 6).map((line) => `      ${line}`),
    ]),
  ].join("\n");

/** `ouroboros explain [CONTAINER] [--host HOST] [-o text|json]` */
export function usageLine(name: CommandName): string {
  const command: Command = commands[name];
  const words = Object.entries(command.arguments ?? {}).map(([word, { optional }]) =>
    optional ? `[${word}]` : word,
  );
  const options = Object.entries(allOptionsOf(command))
    .filter(([option]) => option !== "help")
    .map(([name, { value, required }]) => {
      const text = `${name === "output" ? "-o" : `--${name}`}${value === undefined ? "" : ` ${value}`}`;
      return required ? text : `[${text}]`;
    });
  return ["ouroboros", name, ...words, ...options].join(" ");
}

export function commandUsage(name: CommandName): string {
  const command: Command = commands[name];
  const words = Object.entries(command.arguments ?? {}).map(([word, { says }]) => [word, says] as const);
  const options = Object.entries(allOptionsOf(command)).map(
    ([name, option]) => [optionSpelling(name, option), optionText(option)] as const,
  );
  return `${[
    `${foldText(plainText(command.says))}\n`,
    `Usage: ${foldUsage(usageLine(name))}\n`,
    ...(command.more === undefined ? [] : [`${foldText(plainText(command.more))}\n`]),
    ...alignRows([...words, ...options]),
    "",
    foldText(COMMAND_END),
  ].join("\n")}\n`;
}

/** Usage of a group of commands, such as `participant`. */
export const groupUsage = (group: string): string =>
  `${[
    "Usage:",
    ...alignRows(
      commandNames
        .filter((name) => name.startsWith(`${group} `))
        .map((name) => [`ouroboros ${name}`, commands[name].says] as const),
    ),
    `\n\`ouroboros ${group} COMMAND --help\` says more.`,
  ].join("\n")}\n`;

/** `-o, --output text|json` */
export const optionSpelling = (name: string, { short, value }: Option): string =>
  `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;

const optionText = ({ says, byDefault }: Option): string =>
  `${says}${byDefault === undefined || byDefault === "" ? "" : ` [${byDefault}]`}`;

/** The widest name beside which its text still stands; the text of a wider one begins on the next line. */
const MAX_NAME = 32;

function alignRows(rows: readonly (readonly [string, string])[]): string[] {
  const widths = rows.map(([name]) => name.length).filter((length) => length <= MAX_NAME);
  const indent = 4 + Math.max(4, ...widths);
  return rows.flatMap(([name, says]) => {
    const lines = wrapText(plainText(says), indent).map((line) => `${" ".repeat(indent)}${line}`);
    const [first = "", ...more] = lines;
    return name.length + 4 > indent
      ? [`  ${name}`, ...lines]
      : [`  ${name}${first.slice(2 + name.length)}`.trimEnd(), ...more];
  });
}

const foldText = (text: string): string => wrapText(text, 0).join("\n");

/** Does not part an option from its value. */
const foldUsage = (line: string): string =>
  wrapText(
    line.replace(/\[[^\]]+ [^\]]+\]/g, (option) => option.replaceAll(" ", "\u00a0")),
    "Usage: ".length,
  )
    .join("\n       ")
    .replaceAll("\u00a0", " ");

/** A terminal shows neither Markdown nor where a link leads. */
const plainText = (markdown: string): string =>
  markdown
    .replaceAll("`", "")
    .replace(/\[[^\]]+\]\(([^)]+)\)/g, "docs/$1")
    .replace(/\*(\w+)\*/g, "$1");

/** package.json is next to dist/, both in a checkout and in the image. */
export function readVersion(): string {
  const file = new URL("../../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
