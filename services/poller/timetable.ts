// Waits for the next cycle of a schedule, and skips a cycle that is too late. The wall clock may be set, or stand
// still while the machine sleeps, so the wait reads it again and again.
import { type Clock, iso } from "../../shared/clock.ts";
import type { Polling } from "./polling.ts";
import { type Schedule, isTooLate, nextRun, scheduleOf } from "./schedule.ts";

const CLOCK_CHECK_MS = 15_000;
/** A clock set back by less is a small correction; set back by more, it was wrong before, and so is the due time. */
const SET_BACK_MS = 3_600_000;

export class Timetable {
  readonly #clock: Clock;
  readonly #log: Polling["log"];
  readonly #schedule: Schedule;
  #due: number;
  /** When an extra cycle is due, as the retry of a failed one. The scheduled cycles stay where they are. */
  #extraAt = Number.POSITIVE_INFINITY;
  /** When the last scheduled cycle was due. */
  #lastDue = Number.NEGATIVE_INFINITY;
  #lastTime: number;
  #cyclesBegun = 0;

  constructor({ host, settings, clock, log }: Pick<Polling, "host" | "settings" | "clock" | "log">) {
    this.#clock = clock;
    this.#log = log;
    this.#schedule = scheduleOf(host.name, settings);
    this.#lastTime = this.#time();
    this.#due = nextRun(this.#schedule, { now: this.#lastTime, made: 0 });
    if (this.#schedule.kind === "interval") return;
    const { zone } = this.#schedule;
    if (zone !== settings.TZ) log.warn({ TZ: settings.TZ }, "no such time zone; CRON is in UTC");
    log.info({ cron: settings.CRON, zone, next_at: this.nextAt }, "waiting for the first check");
  }

  /** RFC 3339. */
  get nextAt(): string | null {
    const isCron = this.#schedule.kind === "cron"; // CRON's times are wall-clock times already
    const at = isCron ? this.#next : this.#clock.now() + this.#next - this.#time();
    return Number.isFinite(at) ? iso(at) : null;
  }

  /** Milliseconds until the next cycle is due. */
  get msUntilNext(): number {
    return Math.max(this.#next - this.#time(), 0);
  }

  /** Resolves when a cycle is due, or when `interrupt` aborts. */
  async wait(interrupt: AbortSignal): Promise<void> {
    while (!interrupt.aborted) {
      const now = this.#time();
      if (now < this.#lastTime - SET_BACK_MS) this.#plan(now);
      this.#lastTime = now;
      if (now >= this.#extraAt) return;
      if (now >= this.#due) {
        if (!isTooLate(this.#schedule, this.#due, now)) return;
        this.#log.warn(
          { due: iso(this.#due), late_s: Math.round((now - this.#due) / 1000) },
          "check left out: too late",
        );
        this.#plan(now);
      }
      await this.#clock.sleep(Math.min(this.#next - now, CLOCK_CHECK_MS), interrupt);
    }
  }

  /** Notes that a cycle begins now, scheduled or requested. */
  beginCycle(): void {
    const now = this.#time();
    this.#cyclesBegun += 1;
    this.#extraAt = Number.POSITIVE_INFINITY;
    if (this.#schedule.kind === "interval") return this.#plan(now);
    if (now < this.#due) return; // requested, or a retry: the scheduled cycle still comes
    this.#lastDue = this.#due;
    this.#plan(now);
  }

  /** Retries a failed cycle, unless that would be too late for it. */
  retryIn(delayMs: number): void {
    const retryAt = this.#time() + delayMs;
    if (!isTooLate(this.#schedule, this.#lastDue, retryAt)) this.#extraAt = retryAt;
  }

  /** Adds a cycle, whatever the schedule says: an update expired, so its plan was outdated. */
  pollAgainIn(delayMs: number): void {
    this.#extraAt = Math.min(this.#extraAt, this.#time() + delayMs);
  }

  get #next(): number {
    return Math.min(this.#due, this.#extraAt);
  }

  #plan(now: number): void {
    this.#due = nextRun(this.#schedule, { now, made: this.#cyclesBegun });
  }

  #time(): number {
    return this.#schedule.kind === "cron" ? this.#clock.now() : this.#clock.monotonic();
  }
}
