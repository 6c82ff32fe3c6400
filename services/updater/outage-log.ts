// NATS that does not answer for a while is waited for, and that is told once: in the log, and to who asks for the status.
import type { Logger } from "pino";
import { type Clock, iso } from "../../shared/clock.ts";
import { explain } from "../../shared/errors.ts";
import type { RetryListener } from "../../shared/nats/jetstream.ts";

/** A leader that is chosen anew takes a few seconds. */
const LOG_AFTER_MS = 5000;

export class OutageLog implements RetryListener {
  readonly #log: Logger;
  readonly #clock: Clock;
  /** Monotonic; undefined while all is well. */
  #began: number | undefined;
  #told: string | undefined;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** What is wrong, in a sentence; undefined where nothing is. */
  get trouble(): string | undefined {
    return this.#told;
  }

  failed(error: unknown): void {
    const now = this.#clock.monotonic();
    this.#began ??= now;
    if (this.#told !== undefined || now - this.#began < LOG_AFTER_MS) return;
    const since = iso(this.#clock.now() - (now - this.#began));
    this.#told = `JetStream has not answered since ${since}: it has no leader, too few servers of its cluster are up, or it cannot be reached`;
    this.#log.warn({ since, because: explain(error) }, "JetStream does not answer; waiting for it");
  }

  answered(): void {
    if (this.#told !== undefined && this.#began !== undefined)
      this.#log.warn({ ms: Math.round(this.#clock.monotonic() - this.#began) }, "JetStream answers again");
    this.#began = undefined;
    this.#told = undefined;
  }
}
