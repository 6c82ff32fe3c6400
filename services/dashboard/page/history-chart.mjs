// Counts how updates ended, day by day. Pure.

/** As they are stacked: what went well is at the bottom. */
export const ORDER = [
  "updated",
  "rolled_back_by_operator",
  "current",
  "noted",
  "expired",
  "deferred",
  "refused",
  "failed",
  "rolled_back",
  "stuck",
];

const MAX_DAYS = 90;

/**
 * The days from the first end to the last, also those without any, and where the reader is; the last 90 of them.
 * @returns {{ day: string, counts: Record<string, number>, total: number }[]}
 */
export function countByDay(ends) {
  const times = ends.map(({ at }) => Date.parse(at)).filter((time) => !Number.isNaN(time));
  if (times.length === 0) return [];
  const days = new Map();
  const last = new Date(Math.max(...times));
  const first = new Date(Math.min(...times));
  for (let back = 0; back < MAX_DAYS; back += 1) {
    const day = new Date(last.getFullYear(), last.getMonth(), last.getDate() - back);
    if (back > 0 && dayOf(day) < dayOf(first)) break;
    days.set(dayOf(day), { day: dayOf(day), counts: {}, total: 0 });
  }
  for (const { at, end } of ends) {
    const found = days.get(dayOf(new Date(at)));
    if (found === undefined) continue;
    found.counts[end] = (found.counts[end] ?? 0) + 1;
    found.total += 1;
  }
  return [...days.values()].reverse();
}

/** `2026-11-30` */
const dayOf = (date) =>
  [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((n) => String(n).padStart(2, "0")).join("-");
