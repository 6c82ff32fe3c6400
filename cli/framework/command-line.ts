// Parses the words of a command line into the arguments and options of a command, and reports everything that is
// wrong at once. Pure.
import { WrongUsage } from "../../shared/errors.ts";
import { usageErrors } from "../../shared/catalogue/usage-errors.ts";
import { type UserMessage, reasonOf } from "../../shared/catalogue/entry.ts";
import { parseArgs } from "node:util";
import * as z from "zod";
import type { Command, ParsedArguments, Option } from "./command.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";

export const helpOption: Option = { short: "h", says: "Says what the command does." };
export const outputOption: Option = {
  short: "o",
  value: "text|json",
  byDefault: "text",
  read: z.enum(["text", "json"], "allowed are text, json"),
  offers: ["text", "json"],
  says: "For people, or for programs.",
};

/** All options of a command, including those that every command has. */
export const allOptionsOf = ({ options = {}, json }: Command): Readonly<Record<string, Option>> => ({
  ...options,
  ...(json && { output: outputOption }),
  help: helpOption,
});

/** @throws WrongUsage that lists everything that is wrong. */
export function parseCommandLine<C extends Command>(
  command: C,
  args: readonly string[],
): ParsedArguments<C> | "help" {
  const options = allOptionsOf(command);
  const { words, values, wrong } = splitWords(options, args);
  if (values.has("help")) return "help";
  const given: Record<string, unknown> = {};
  const take = (name: string, label: string, read: z.ZodType, text: string): void => {
    const result = read.safeParse(text);
    if (result.success) given[name] = result.data;
    else
      wrong.push(
        reasonOf(usageErrors.valueUnusable, {
          name: label,
          value: JSON.stringify(text),
          allowed: result.error.issues.map((issue) => issue.message).join(", "),
        }),
      );
  };
  const argumentRows = Object.entries(command.arguments ?? {});
  for (const [index, [name, { read, optional }]] of argumentRows.entries()) {
    const word = words[index];
    if (word !== undefined) take(name, name, read, word);
    else if (!optional) wrong.push(reasonOf(usageErrors.argumentMissing, { name }));
  }
  if (words.length > argumentRows.length)
    wrong.push(reasonOf(usageErrors.tooManyWords, { words: words.slice(argumentRows.length).join(" ") }));
  for (const [name, { read, byDefault, required }] of Object.entries(options)) {
    const text = values.get(name) ?? byDefault;
    if (read === undefined) given[name] = values.has(name);
    else if (text !== undefined) take(name, `--${name}`, read, text);
    else if (required) wrong.push(reasonOf(usageErrors.argumentMissing, { name: `--${name}` }));
  }
  if (wrong.length > 0) throw new WrongUsage(...wrong);
  return { ...given, json: given["output"] === "json" } as ParsedArguments<C>;
}

interface SplitWords {
  readonly words: readonly string[];
  /** Values of options, "" for a switch. Of a repeated option the last value counts. */
  readonly values: ReadonlyMap<string, string>;
  readonly wrong: UserMessage[];
}

function splitWords(options: Readonly<Record<string, Option>>, args: readonly string[]): SplitWords {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(options).map(([name, { read, short }]) => [
        name,
        { type: read === undefined ? ("boolean" as const) : ("string" as const), ...(short && { short }) },
      ]),
    ),
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const wrong: UserMessage[] = [];
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      const known = Object.keys(options).map((key) => `--${key}`);
      const isOutput = name === "json" && "output" in options;
      const nearest = isOutput ? "; did you mean -o json?" : didYouMean(rawName, known);
      wrong.push(reasonOf(usageErrors.unknownOption, { option: rawName, nearest }));
    } else if (option.read !== undefined && (value === undefined || (!inlineValue && /^-./.test(value))))
      wrong.push(reasonOf(usageErrors.valueMissing, { option: rawName, form: option.value ?? "" }));
    else if (option.read === undefined && value !== undefined)
      wrong.push(reasonOf(usageErrors.valueNotTaken, { option: rawName }));
    else values.set(name, value ?? "");
  }
  return {
    words: tokens.filter((token) => token.kind === "positional").map(({ value }) => value),
    values,
    wrong,
  };
}
