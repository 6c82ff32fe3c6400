// The log: one JSON object per line, or readable lines on a terminal. Levels keep the names of Ouroboros 1. Every
// secret from the settings is masked, wherever in a line it turns up.
import { type DestinationStream, type Logger, pino } from "pino";
import { formatLogLine } from "./pretty-log.ts";
import { type Setting, type Settings, settings as table } from "../settings/settings.ts";

export interface LogOptions {
  /** Name of the service; undefined where all services run in one process. */
  readonly service: string | undefined;
  readonly settings: Settings;
  readonly out: { readonly isTTY?: boolean; readonly write: (text: string) => unknown };
}

export function openLog({ service, settings, out }: LogOptions): Logger {
  const maskSecrets = makeSecretMask(settings);
  const isPretty = (settings.LOG_FORMAT ?? (out.isTTY === true ? "pretty" : "json")) === "pretty";
  const display = { colour: out.isTTY === true, everything: settings.LOG_LEVEL === "debug" };
  const to: DestinationStream = {
    write: (line) => void out.write(maskSecrets(isPretty ? formatLogLine(line, display) : line)),
  };
  return pino(
    {
      level: settings.LOG_LEVEL,
      base: service === undefined ? {} : { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level: levelName(level) }) },
    },
    to,
  );
}

/** pino calls the level `fatal`. */
const levelName = (level: string): string => (level === "fatal" ? "critical" : level);

const MASK = "(secret)";
/** Shorter secrets are not masked: that would blank out unrelated text, and the gaps would reveal them anyway. */
const MIN_SECRET_LENGTH = 3;

/** Masks each secret, in plain, JSON-escaped and URL-encoded form, and the user part before `@` in a URL. */
export function makeSecretMask(settings: Settings): (text: string) => string {
  const secrets = Object.entries<Setting>(table)
    .filter(([, { secret }]) => secret)
    .flatMap(([name, { byDefault }]) => {
      const value = settings[name as keyof Settings] as string | readonly string[];
      return [value].flat().filter((secret) => secret !== byDefault && secret.length >= MIN_SECRET_LENGTH);
    });
  const spellings = secrets.flatMap((secret) => [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
  ]);
  const longestFirst = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  return (text) =>
    longestFirst
      .reduce((rest, secret) => rest.replaceAll(secret, MASK), text)
      // starts at ://: matching a scheme before it would be tried at every letter
      .replace(/:\/\/[^\s/@"]+@/g, `://${MASK}@`);
}
