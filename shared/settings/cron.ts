// Times of CRON: five fields in a time zone. Pure. A time that summer time skips comes right after the gap; one that
// comes twice counts once, unless the pattern says every hour or every so many minutes.
import { Cron } from "croner";

const timesOf = (pattern: string, zone: string): Cron =>
  new Cron(pattern, {
    mode: "5-part",
    timezone: zone,
    paused: true,
    domAndDow: true, // as in Ouroboros 1: `1-7 * sun` is the first Sunday
    fixedTimeRule: "no-wildcard",
  });

/** The first time after `after`, both in milliseconds since 1970; undefined where there is none. */
export const nextTime = (pattern: string, zone: string, after: number): number | undefined =>
  timesOf(pattern, zone).nextRun(new Date(after))?.getTime();

/** Five fields, and a time that ever comes: not the 30th of February. */
export function isCron(pattern: string): boolean {
  if (pattern.trim().split(/\s+/).length !== 5) return false;
  try {
    return nextTime(pattern, "UTC", 0) !== undefined;
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
