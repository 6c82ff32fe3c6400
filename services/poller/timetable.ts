// Keeps a schedule while the clock moves: waits for the next cycle, and says of one that is too late that it is not
// made. The wall's clock may be set, or stand still while the machine sleeps, so it is looked at again and again.
import { type Clock, iso } from "../../shared/clock.ts";
import type { Polling } from "./polling.ts";
import { type Schedule, isTooLate, nextRun, scheduleOf } from "./schedule.ts";

const LOOK_MS = 15_000;
/** A clock that was set back by less is put right; by more, it was wrong before. */
const SET_BACK_MS = 3_600_000;

export class Timetable {
  readonly #clock: Clock;
  readonly #log: Polling["log"];
  readonly #schedule: Schedule;
  #due: number;
  /** When the one that failed is made again; the one after that is due as ever. */
  #again = Number.POSITIVE_INFINITY;
  /** When the last cycle that came by schedule was due. */
  #was = Number.NEGATIVE_INFINITY;
  #seen: number;
  #made = 0;

  constructor({ host, settings, clock, log }: Pick<Polling, "host" | "settings" | "clock" | "log">) {
    this.#clock = clock;
    this.#log = log;
    this.#schedule = scheduleOf(host.name, settings);
    this.#seen = this.#time();
    this.#due = nextRun(this.#schedule, { now: this.#seen, made: 0 });
    if (this.#schedule.kind === "interval") return;
    const { zone } = this.#schedule;
    if (zone !== settings.TZ) log.warn({ TZ: settings.TZ }, "no such time zone; CRON is in UTC");
    log.info({ cron: settings.CRON, zone, next_at: this.nextAt }, "waiting for the first check");
  }

  /** RFC 3339. */
  get nextAt(): string | null {
    const isCron = this.#schedule.kind === "cron"; // its times are the wall's
    const at = isCron ? this.#next : this.#clock.now() + this.#next - this.#time();
    return Number.isFinite(at) ? iso(at) : null;
  }

  /** Milliseconds until the next cycle is due. */
  get msUntilNext(): number {
    return Math.max(this.#next - this.#time(), 0);
  }

  /** Resolves when a cycle is due, or when it is over. */
  async wait(over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const now = this.#time();
      if (now < this.#seen - SET_BACK_MS) this.#plan(now);
      this.#seen = now;
      if (now >= this.#again) return;
      if (now >= this.#due) {
        if (!isTooLate(this.#schedule, this.#due, now)) return;
        this.#log.warn(
          { due: iso(this.#due), late_s: Math.round((now - this.#due) / 1000) },
          "check left out: too late",
        );
        this.#plan(now);
      }
      await this.#clock.sleep(Math.min(this.#next - now, LOOK_MS), over);
    }
  }

  /** A cycle begins now, as the schedule has it or because someone asked for it. */
  beginCycle(): void {
    const now = this.#time();
    this.#made += 1;
    this.#again = Number.POSITIVE_INFINITY;
    if (this.#schedule.kind === "interval") return this.#plan(now);
    if (now < this.#due) return; // asked for, or made again: the one that is due comes all the same
    this.#was = this.#due;
    this.#plan(now);
  }

  /** It failed: it is made again soon, unless that would be too late. */
  retryIn(inMs: number): void {
    const soon = this.#time() + inMs;
    if (!isTooLate(this.#schedule, this.#was, soon)) this.#again = soon;
  }

  /** Something was decided on what is not so any more: one more, soon, whatever the schedule says. */
  pollAgainIn(inMs: number): void {
    this.#again = Math.min(this.#again, this.#time() + inMs);
  }

  get #next(): number {
    return Math.min(this.#due, this.#again);
  }

  #plan(now: number): void {
    this.#due = nextRun(this.#schedule, { now, made: this.#made });
  }

  #time(): number {
    return this.#schedule.kind === "cron" ? this.#clock.now() : this.#clock.monotonic();
  }
}
