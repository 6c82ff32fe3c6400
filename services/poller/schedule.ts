// When the cycles of a host are due. Pure. INTERVAL counts on the monotonic clock, CRON on the wall clock.
// timetable.ts does the waiting.
import { createHash } from "node:crypto";
import { isTimeZone, nextTime } from "../../shared/settings/cron.ts";
import type { Settings } from "../../shared/settings/settings.ts";

export type Schedule =
  | { readonly kind: "interval"; readonly every: number; readonly shift: number }
  | {
      readonly kind: "cron";
      readonly pattern: string;
      readonly zone: string;
      readonly shift: number;
      /** How late a cycle may still begin. */
      readonly grace: number;
    };

/** Timers are never exact: so much after its due time a cycle is still on time. All times here are milliseconds. */
const ON_TIME_MS = 1000;

export function scheduleOf(
  host: string,
  { CRON, TZ, GRACE, INTERVAL, JITTER }: Pick<Settings, "CRON" | "TZ" | "GRACE" | "INTERVAL" | "JITTER">,
): Schedule {
  const shift = shiftOf(host, JITTER);
  return CRON === undefined
    ? { kind: "interval", every: INTERVAL, shift }
    : { kind: "cron", pattern: CRON, zone: isTimeZone(TZ) ? TZ : "UTC", shift, grace: GRACE };
}

/** The host's share of JITTER: computed from its name, so it is the same at every start. */
export const shiftOf = (host: string, jitter: number): number =>
  Math.floor((createHash("sha256").update(host).digest().readUInt32BE() / 2 ** 32) * jitter);

interface CyclesBefore {
  /** On the schedule's clock. */
  readonly now: number;
  /** How many cycles have begun so far. */
  readonly made: number;
}

/** When the next cycle is due. With INTERVAL the first is due at once, and the host's shift delays the second. */
export function nextRun(schedule: Schedule, { now, made }: CyclesBefore): number {
  const { shift } = schedule;
  if (schedule.kind === "cron")
    return (nextTime(schedule.pattern, schedule.zone, now - shift) ?? Number.POSITIVE_INFINITY) + shift;
  if (made === 0) return now;
  return now + schedule.every + (made === 1 ? shift : 0);
}

/** Whether a cycle that was due at `due` is skipped now. Only CRON has fixed times that can be missed. */
export const isTooLate = (schedule: Schedule, due: number, now: number): boolean =>
  schedule.kind === "cron" && now - due > Math.max(schedule.grace, ON_TIME_MS);
