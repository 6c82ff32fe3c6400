// Prints `ouroboros --help` and `ouroboros COMMAND --help` from the tables of commands and settings.
import { readFileSync } from "node:fs";
import { settings } from "../../shared/settings/settings.ts";
import type { Command, Option } from "./command.ts";
import { allOptionsOf } from "./command-line.ts";
import { type CommandName, commandNames, commands } from "./command-table.ts";
import { services } from "./service-table.ts";

const TAIL = `Each setting is an environment variable; NAME_FILE gives the value of NAME from a file. Flags stand for the same
settings, the environment beats them. In brackets the value by default.
`;

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
      ["ouroboros [SETTING...]", "All services in one process, with a private NATS unless NATS_URL is set."],
      ...Object.entries(services).map(([name, says]) => [`ouroboros ${name} [SETTING...]`, says] as const),
      ...commandNames.map((name) => [`ouroboros ${name}`, commands[name].says] as const),
      ["ouroboros COMMAND --help", "What a command does and takes."],
      ["ouroboros --help | --version", ""],
    ]),
    "",
    TAIL,
    ...Object.entries<Row>(settings).map(
      ([name, { flags = [], byDefault = "", says }]) =>
        `  ${[name, ...flags].join(", ")}${byDefault === "" ? "" : ` [${byDefault}]`}\n      ${stripBackticks(says)}`,
    ),
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
    `${stripBackticks(command.says)}\n`,
    `Usage: ${usageLine(name)}\n`,
    ...(command.more === undefined ? [] : [`${foldText(stripBackticks(command.more))}\n`]),
    ...alignRows([...words, ...options]),
    "",
    "NATS_URL and the other settings of NATS are read from the environment; without them the private NATS of the",
    "Ouroboros that runs on DATA_DIR is asked. Exit codes: 0 done, 1 not done or not there, 2 wrong usage, 3 NATS cannot be used.",
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
  `${says}${byDefault === undefined ? "" : ` [${byDefault}]`}`;

function alignRows(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, says]) => `  ${name.padEnd(width)}  ${stripBackticks(says)}`.trimEnd());
}

const WIDTH = 110;

function foldText(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.join("\n");
}

const stripBackticks = (markdown: string): string => markdown.replaceAll("`", "");

/** package.json is next to dist/, both in a checkout and in the image. */
export function readVersion(): string {
  const file = new URL("../../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
