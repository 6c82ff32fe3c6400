// When the cycles of a host are due. Pure. INTERVAL counts on a clock that only goes forward, CRON on the wall's.
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
      /** How late is not too late. */
      readonly grace: number;
    };

/** A timer is never exact: this much is not late. Milliseconds, as all here. */
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

/** The host's own part of JITTER, the same at every start. */
export const shiftOf = (host: string, jitter: number): number =>
  Math.floor((createHash("sha256").update(host).digest().readUInt32BE() / 2 ** 32) * jitter);

interface CyclesBefore {
  /** By the schedule's clock. */
  readonly now: number;
  /** How many cycles began already. */
  readonly made: number;
}

/** When the cycle after those is due. The first of an interval comes at once, the second with the host's shift. */
export function nextRun(schedule: Schedule, { now, made }: CyclesBefore): number {
  const { shift } = schedule;
  if (schedule.kind === "cron")
    return (nextTime(schedule.pattern, schedule.zone, now - shift) ?? Number.POSITIVE_INFINITY) + shift;
  if (made === 0) return now;
  return now + schedule.every + (made === 1 ? shift : 0);
}

/** Whether a cycle that was due then is not to be made any more. An interval has no times of its own to miss. */
export const isTooLate = (schedule: Schedule, due: number, now: number): boolean =>
  schedule.kind === "cron" && now - due > Math.max(schedule.grace, ON_TIME_MS);
