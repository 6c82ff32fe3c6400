// What each step of a swap took, and how long the container was down: until its successor had started, or until it
// had been put back itself.
import type { Logger } from "pino";
import type { Clock } from "../../shared/clock.ts";
import type { Watching } from "./saga.ts";
import { DOWN } from "./swap.ts";

export class Timed implements Watching {
  readonly steps: { step: string; ms: number }[] = [];
  readonly monotonic: () => number;
  readonly #log: Logger;
  #down: number | undefined;
  #up: number | undefined;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.monotonic = clock.monotonic;
    this.#log = log;
  }

  begins(step: string): void {
    if (step === DOWN.from) this.#down = this.monotonic();
  }

  did(step: string, ms: number): void {
    this.steps.push({ step, ms: Math.round(ms * 10) / 10 });
    if (step === DOWN.to) this.#up = this.monotonic();
  }

  undid(step: string, error?: unknown): void {
    if (step === DOWN.from) this.#up = this.monotonic();
    if (error === undefined) this.#log.info({ step }, "step undone");
    else this.#log.error({ step, err: error }, "undo failed");
  }

  /** Milliseconds, where it was down. */
  get downtime(): { downtime_ms?: number } {
    return this.#down === undefined || this.#up === undefined
      ? {}
      : { downtime_ms: Math.round(this.#up - this.#down) };
  }
}
