// Formats one log entry as a line for people. Pure; the sentences are in log-sentences.ts.
import { shortId } from "../registry/image-change.ts";
import { type LogFields, type LogSentence, sentenceFor } from "./log-sentences.ts";
import { parseJson } from "../contract/messages.ts";
import { formatLocalTime } from "./time-text.ts";

interface LogLineOptions {
  /** Whether to colour the level with terminal escapes. */
  readonly colour: boolean;
  /** Show all fields and ids in full: LOG_LEVEL is debug. */
  readonly everything: boolean;
}

const COLOURS: Readonly<Record<string, number>> = { debug: 90, warn: 33, error: 31, critical: 35 };

/** Fields that only matter to machines and while debugging. */
const DEBUG_FIELDS: readonly string[] = ["run", "event", "writer", "pid", "code"];

/** `12:00:00  warn  h1 web  put back: it is unhealthy`: the place, the sentence, then the fields it does not cover. */
export function formatLogLine(line: string, { colour, everything }: LogLineOptions): string {
  const { time, level, msg, service, host, container, err, ...fields } = (parseJson(line) ?? {}) as Readonly<
    Record<string, unknown>
  >;
  const at = typeof time === "string" ? formatLocalTime(Date.parse(time)).slice(11) : "";
  const where = [service, host, container]
    .filter((part) => part !== undefined && part !== null && part !== "")
    .map(String);
  const colourCode = colour ? COLOURS[String(level)] : undefined;
  const paddedLevel = String(level).padEnd(8);
  const { stack, message } = errorText(err, String(level));
  const sentence = sentenceFor(String(msg), fields) ?? withReason(String(msg), everything ? {} : fields);
  const hidden = everything ? [] : [...DEBUG_FIELDS, ...sentence.shownFields];
  const rest = Object.entries(fields)
    .filter(([name, value]) => !hidden.includes(name) && (everything || !isEmpty(value)))
    .map(([name, value]) => {
      const words = everything ? undefined : inWords(value);
      return words === undefined ? `${name}=${formatValue(value, everything)}` : `${name}: ${words}`;
    });
  return [
    [
      at,
      colourCode === undefined ? paddedLevel : `\x1b[${colourCode}m${paddedLevel}\x1b[0m`,
      where.join(" "),
      message === undefined ? sentence.says : `${sentence.says}: ${message}`,
      ...rest,
    ]
      .filter((part) => part !== "")
      .join("  "),
    ...(stack === undefined ? [] : [stack]),
    "",
  ].join("\n");
}

/** The message, why, and what to do. */
function withReason(message: string, { because, mend }: LogFields): LogSentence {
  const reason = typeof because === "string" ? `${message.includes(": ") ? "; " : ": "}${because}` : "";
  const remedy = typeof mend === "string" ? `; ${mend}` : "";
  return {
    says: `${message}${reason}${remedy}`,
    shownFields: [...(reason === "" ? [] : ["because"]), ...(remedy === "" ? [] : ["mend"])],
  };
}

/** A stack is of use where something is wrong with the program; else the message says enough, and ends the line. */
function errorText(err: unknown, level: string): { readonly stack?: string; readonly message?: string } {
  if (err === undefined) return {};
  const { stack, message } = err as { readonly stack?: string; readonly message?: string };
  if (["error", "critical"].includes(level)) return { stack: stack ?? formatValue(err, true) };
  return { message: message ?? formatValue(err, true) };
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

/** A list or a map of texts; undefined for anything else. */
function inWords(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const isList = Array.isArray(value);
  const parts = Object.entries(value).map(([name, part]) => {
    const words = typeof part === "string" ? shortened(part) : inWords(part);
    return words === undefined || isList ? words : `${name}: ${words}`;
  });
  return parts.some((part) => part === undefined) ? undefined : parts.join(isList ? ", " : "; ");
}

const shortened = (text: string): string => (IMAGE_ID.test(text) ? shortId(text) : text);

const IMAGE_ID = /^sha256:[0-9a-f]{64}$/;

function formatValue(value: unknown, everything: boolean): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const text = everything ? value : shortened(value);
  return /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}
