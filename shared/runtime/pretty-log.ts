// A line of the log for people. Pure.
import { shortId } from "../registry/image-change.ts";
import { sentenceFor } from "./log-sentences.ts";
import { parseJson } from "../contract/messages.ts";

interface LogLineOptions {
  /** Escapes for a terminal. */
  readonly colour: boolean;
  /** All fields, ids at their full length: LOG_LEVEL is debug. */
  readonly everything: boolean;
}

const COLOURS: Readonly<Record<string, number>> = { debug: 90, warn: 33, error: 31, critical: 35 };

/** For machines, and for who looks for a fault. */
const IDS: readonly string[] = ["run", "event", "writer", "pid", "code"];

/** `12:00:00  warn  h1 web  put back  because=…`: where, then the sentence, then what that does not tell. */
export function formatLogLine(line: string, { colour, everything }: LogLineOptions): string {
  const { time, level, msg, service, host, container, err, ...fields } = (parseJson(line) ?? {}) as Readonly<
    Record<string, unknown>
  >;
  const at = typeof time === "string" ? time.slice(11, 19) : "";
  const where = [service, host, container].filter((one) => one !== undefined && one !== null).map(String);
  const painted = colour ? COLOURS[String(level)] : undefined;
  const word = String(level).padEnd(8);
  const sentence = sentenceFor(String(msg), fields);
  const hidden = everything ? [] : [...IDS, ...(sentence?.shownFields ?? [])];
  const rest = Object.entries(fields)
    .filter(([name, value]) => !hidden.includes(name) && (everything || !isEmpty(value)))
    .map(([name, value]) => `${name}=${formatValue(value, everything)}`);
  const { stack } = (err ?? {}) as { readonly stack?: string };
  return [
    [
      at,
      painted === undefined ? word : `\x1b[${painted}m${word}\x1b[0m`,
      where.join(" "),
      sentence?.says ?? String(msg),
      ...rest,
    ]
      .filter((part) => part !== "")
      .join("  "),
    ...(err === undefined ? [] : [stack ?? formatValue(err, everything)]),
    "",
  ].join("\n");
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const IMAGE_ID = /^sha256:[0-9a-f]{64}$/;

function formatValue(value: unknown, everything: boolean): string {
  if (typeof value !== "string") return JSON.stringify(value);
  if (!everything && IMAGE_ID.test(value)) return shortId(value);
  return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
}
