// Computes the times of CRON: five fields in a time zone. Pure. When clocks go forward, a skipped time runs right
// after the gap; when they go back, a repeated time runs once, unless the pattern means every hour or every few
// minutes.
import { Cron } from "croner";

const timesOf = (
  pattern: string,
  place: { readonly timezone: string } | { readonly utcOffset: number },
): Cron =>
  new Cron(pattern, {
    mode: "5-part",
    ...place,
    paused: true,
    domAndDow: true, // as in Ouroboros 1: `1-7 * sun` is the first Sunday
    fixedTimeRule: "no-wildcard",
  });

/** The first time after `after`, both in milliseconds since 1970; undefined where there is none. */
export const nextTime = (pattern: string, zone: string, after: number): number | undefined =>
  timesOf(pattern, { timezone: zone }).nextRun(new Date(after))?.getTime();

/**
 * Whether the pattern has five fields and can ever match: the 30th of February cannot. It names no time zone: to load
 * the rules of one, even of UTC, takes longer than to read all other settings.
 */
export function isCron(pattern: string): boolean {
  if (pattern.trim().split(/\s+/).length !== 5) return false;
  try {
    return timesOf(pattern, { utcOffset: 0 }).nextRun(new Date(0)) !== null;
  } catch {
    return false;
  }
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
