// Converts a watchtower schedule (github.com/robfig/cron v1) to CRON or INTERVAL. Watchtower takes six fields,
// seconds first, of which the last may be left out, or a word such as `@daily` or `@every 2h`; CRON has five fields.
// Pure.
import { isCron } from "./cron.ts";

export type ReadSchedule = { readonly CRON: string } | { readonly INTERVAL: string } | undefined;

const WORDS: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);
const UNIT_S: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };

/** Drops the seconds. Undefined where the schedule cannot be parsed, or would have another meaning here. */
export function readWatchtowerSchedule(text: string): ReadSchedule {
  const word = WORDS.get(text.trim().toLowerCase());
  if (word !== undefined) return { CRON: word };
  const [, every] = /^@every\s+((?:\d+(?:\.\d+)?[hms])+)$/i.exec(text.trim()) ?? [];
  if (every !== undefined) return { INTERVAL: String(secondsOf(every)) };
  const fields = text
    .trim()
    .split(/\s+/)
    .map((field) => field.replace(/^\?$/, "*"));
  const [, minute, hour, day, month, weekday = "*"] = fields;
  const cron = [minute, hour, day, month, weekday].join(" ");
  // in watchtower either field is enough; here both have to match
  const isEither = isRestricted(day) && isRestricted(weekday);
  return fields.length < 5 || fields.length > 6 || isEither || !isCron(cron) ? undefined : { CRON: cron };
}

const isRestricted = (field = "*"): boolean => !field.startsWith("*");

const secondsOf = (duration: string): number =>
  [...duration.matchAll(/(\d+(?:\.\d+)?)([hms])/gi)].reduce(
    (sum, [, number, unit = ""]) => sum + Number(number) * (UNIT_S[unit.toLowerCase()] ?? 0),
    0,
  );
