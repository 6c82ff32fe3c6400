// What each step of a swap took, and how long the container was down.
import type { Logger } from "pino";
import type { Clock } from "../../shared/clock.ts";
import type { Watching } from "./saga.ts";
import { DOWN } from "./swap.ts";

export class Timed implements Watching {
  readonly steps: { step: string; ms: number }[] = [];
  readonly monotonic: () => number;
  readonly undid: Watching["undid"];

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.monotonic = clock.monotonic;
    this.undid = (step, error) =>
      error === undefined
        ? log.info({ step }, "step undone")
        : log.error({ step, err: error }, "undo failed");
  }

  did(step: string, ms: number): void {
    this.steps.push({ step, ms: Math.round(ms * 10) / 10 });
  }

  /** From the first step that stops to the end of the one that starts, where both are known. */
  get downtime(): { downtime_ms?: number } {
    const from = this.steps.findIndex(({ step }) => step === DOWN.from);
    const to = this.steps.findIndex(({ step }) => step === DOWN.to);
    if (from < 0 || to < 0) return {};
    return { downtime_ms: Math.round(this.steps.slice(from, to + 1).reduce((sum, { ms }) => sum + ms, 0)) };
  }
}
