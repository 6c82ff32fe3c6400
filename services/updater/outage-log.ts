// Reports a JetStream outage once it has lasted LOG_AFTER_MS: once in the log, and in `ouroboros status`. The callers
// retry.
import type { Logger } from "pino";
import { type Clock, iso } from "../../shared/clock.ts";
import { explain } from "../../shared/errors.ts";
import type { RetryListener } from "../../shared/nats/jetstream.ts";

/** The election of a new leader takes a few seconds. */
const LOG_AFTER_MS = 5000;

export class OutageLog implements RetryListener {
  readonly #log: Logger;
  readonly #clock: Clock;
  /** Monotonic; undefined while JetStream answers. */
  #began: number | undefined;
  #trouble: string | undefined;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** What is wrong, in one sentence; undefined if nothing is. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  failed(error: unknown): void {
    const now = this.#clock.monotonic();
    this.#began ??= now;
    if (this.#trouble !== undefined || now - this.#began < LOG_AFTER_MS) return;
    const since = iso(this.#clock.now() - (now - this.#began));
    this.#trouble = `JetStream has not answered since ${since}: it has no leader, too few servers of its cluster are up, or it cannot be reached`;
    this.#log.warn({ since, because: explain(error) }, "JetStream does not answer; waiting for it");
  }

  answered(): void {
    if (this.#trouble !== undefined && this.#began !== undefined)
      this.#log.warn({ ms: Math.round(this.#clock.monotonic() - this.#began) }, "JetStream answers again");
    this.#began = undefined;
    this.#trouble = undefined;
  }
}
