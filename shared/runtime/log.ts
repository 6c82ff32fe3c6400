// The log: a JSON object a line, or a line for people on a terminal. Levels bear the names of Ouroboros 1. A secret of
// the settings is written nowhere, wherever it comes from.
import { type DestinationStream, type Logger, pino } from "pino";
import { formatLogLine } from "./pretty-log.ts";
import { type Setting, type Settings, settings as table } from "../settings/settings.ts";

export interface LogOptions {
  /** Of the service; undefined where all run in one. */
  readonly service: string | undefined;
  readonly settings: Settings;
  readonly out: { readonly isTTY?: boolean; readonly write: (text: string) => unknown };
}

export function openLog({ service, settings, out }: LogOptions): Logger {
  const masked = makeSecretMask(settings);
  const isPretty = (settings.LOG_FORMAT ?? (out.isTTY === true ? "pretty" : "json")) === "pretty";
  const shown = { colour: out.isTTY === true, everything: settings.LOG_LEVEL === "debug" };
  const to: DestinationStream = {
    write: (line) => void out.write(masked(isPretty ? formatLogLine(line, shown) : line)),
  };
  return pino(
    {
      level: settings.LOG_LEVEL,
      base: service === undefined ? {} : { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level: nameOf(level) }) },
    },
    to,
  );
}

/** pino's name for it is fatal. */
const nameOf = (level: string): string => (level === "fatal" ? "critical" : level);

const MASK = "(secret)";
/** Shorter ones would blot out everything; nobody guesses less from their absence. */
const SHORTEST = 3;

/** Puts a mask in the place of each secret, as it is and as JSON and URLs spell it, and of what stands before `@` in a URL. */
export function makeSecretMask(settings: Settings): (text: string) => string {
  const secrets = Object.entries<Setting>(table)
    .filter(([, { secret }]) => secret)
    .flatMap(([name, { byDefault }]) => {
      const value = settings[name as keyof Settings] as string | readonly string[];
      return [value].flat().filter((one) => one !== byDefault && one.length >= SHORTEST);
    });
  const spelt = secrets.flatMap((one) => [one, JSON.stringify(one).slice(1, -1), encodeURIComponent(one)]);
  const all = [...new Set(spelt)].sort((one, other) => other.length - one.length);
  return (text) =>
    all
      .reduce((rest, secret) => rest.replaceAll(secret, MASK), text)
      .replace(/:\/\/[^\s/@"]+@/g, `://${MASK}@`); // from :// on: a scheme before it would be looked for at each letter
}
