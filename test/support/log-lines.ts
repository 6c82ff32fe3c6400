// What a user reads of a log: the entries as the pretty format prints them.
import { formatLogLine } from "../../shared/runtime/pretty-log.ts";

/** What no line may have. */
const UNREADABLE: readonly RegExp[] = [
  /container ended|cycle ended|step (?:un)?done|run begun|plan published/, // a sentence is to replace it
  /\b(?:seen|asked|left|rest|outcome)=/,
  /=[[{]/,
  /\[object |\bundefined\b|\bNaN\b/,
  /sha256:[0-9a-f]{20}/,
  /^ +at .+:\d+/m,
  /\bthrown\b|\btold\b|\bwish/,
];

/** Of a log in JSON, the entries from `info` on that no user should have to read. */
export const unreadableLines = (log: string): string[] =>
  log
    .split("\n")
    .filter((line) => line.startsWith("{") && !line.includes('"level":"debug"'))
    .map((line) => formatLogLine(line, { colour: false, everything: false }).trimEnd())
    .filter((line) => UNREADABLE.some((pattern) => pattern.test(line)));
