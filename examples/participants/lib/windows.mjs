/**
 * Update windows. One is written as the cron time at which it opens, how long it stays open (minutes, hours or days),
 * and its time zone where that is not the usual one; several are separated by semicolons, `always` is always open:
 *
 *     0 2 * * SAT,SUN 3h Europe/Berlin; 30 4 * * * 45m
 */
import { Cron } from "croner";

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const WINDOW = /^(?<cron>\S+(?: \S+){4}) (?<count>[1-9]\d*)(?<unit>[mhd])(?: (?<zone>\S+))?$/;

/** Milliseconds until one of them is open: 0 while one is. @throws where one cannot be understood or never opens. */
export function untilOpen(text, now, usualZone = "UTC") {
  const all = text.split(";").map((window) => window.trim().replace(/\s+/g, " "));
  return Math.min(...all.map((window) => (window === "always" ? 0 : untilOneOpens(window, now, usualZone))));
}

function untilOneOpens(window, now, usualZone) {
  const { cron, count, unit, zone = usualZone } = WINDOW.exec(window)?.groups ?? {};
  if (!cron) throw new Error(`"${window}" is no window like "0 2 * * SAT 3h Europe/Berlin"`);
  const lasts = Number(count) * UNITS[unit];
  let opening;
  try {
    // The first that is not over yet: of those that have begun, or the next.
    opening = new Cron(cron, { timezone: zone, mode: "5-part" }).nextRun(new Date(now - lasts));
  } catch (error) {
    throw new Error(`"${window}" is no window: ${error.message.slice(0, 100)}`, { cause: error });
  }
  if (opening === null) throw new Error(`"${window}" never opens`);
  return Math.max(0, opening.getTime() - now);
}
