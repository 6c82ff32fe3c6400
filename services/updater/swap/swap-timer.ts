// What each step of a swap took, and how long the container was down: until its successor had started, or until it
// had been put back itself; and for how long putting back is tried.
import type { Logger } from "pino";
import type { Clock } from "../../../shared/clock.ts";
import {
  isEngineUnreachable,
  isBetweenRestarts,
  isParentEnded,
  isMalformedAnswer,
  statusOf,
} from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import type { Failure, StepObserver } from "./saga.ts";
import { ParentGone } from "./namespace-parents.ts";
import { DOWNTIME_STEPS } from "./swap.ts";

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;
/** How long an Engine that answers may refuse to put something back. */
const PATIENCE_MS = 120_000;

interface SwapTimerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the trying: what is left is found by the next start. */
  readonly hardStop: AbortSignal;
}

export class SwapTimer implements StepObserver {
  readonly steps: { step: string; ms: number }[] = [];
  readonly monotonic: () => number;
  readonly #it: SwapTimerOptions;
  readonly #told = new Set<string>();
  #down: number | undefined;
  #up: number | undefined;
  #pause = FIRST_PAUSE_MS;
  #patientSince: number | undefined;

  constructor(it: SwapTimerOptions) {
    this.monotonic = it.clock.monotonic;
    this.#it = it;
  }

  onBegin(step: string): void {
    if (step === DOWNTIME_STEPS.from) this.#down = this.monotonic();
  }

  onDone(step: string, ms: number): void {
    this.steps.push({ step, ms: Math.round(ms * 10) / 10 });
    if (step === DOWNTIME_STEPS.to) this.#up = this.monotonic();
  }

  onUndone(step: string, error?: unknown): void {
    if (error === undefined) {
      if (step === DOWNTIME_STEPS.from) this.#up = this.monotonic();
      this.#it.log.debug({ step }, "step undone");
      return;
    }
    const because = explain(error);
    const isNew = !this.#told.has(`${step}: ${because}`);
    this.#told.add(`${step}: ${because}`);
    this.#it.log[isNew ? "warn" : "debug"]({ step, because }, "step not undone yet");
  }

  /** While the Engine does not answer, for as long as that lasts: nothing is lost, and nobody could do it by hand. */
  async shouldRetry(failures: readonly Failure[]): Promise<boolean> {
    const { clock, hardStop } = this.#it;
    if (hardStop.aborted || !failures.some(({ error }) => mayHeal(error))) return false;
    if (failures.some(({ error }) => isEngineUnreachable(error))) this.#patientSince = undefined;
    else this.#patientSince ??= clock.monotonic();
    if (this.#patientSince !== undefined && clock.monotonic() - this.#patientSince > PATIENCE_MS)
      return false;
    await clock.sleep(this.#pause, hardStop);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    return true;
  }

  /** Something was not undone at once: what stood in the way was no matter of the image. */
  get hadToWait(): boolean {
    return this.#told.size > 0;
  }

  /** Milliseconds, where it was down. */
  get downtime(): { downtime_ms?: number } {
    return this.#down === undefined || this.#up === undefined
      ? {}
      : { downtime_ms: Math.round(this.#up - this.#down) };
  }
}

/** Not what is missing: that is so the next time too. An answer that made no sense may make some then. */
const mayHeal = (error: unknown): boolean =>
  isEngineUnreachable(error) ||
  isMalformedAnswer(error) ||
  isParentEnded(error) ||
  isBetweenRestarts(error) ||
  error instanceof ParentGone ||
  [403, 409, 500].includes(statusOf(error) ?? 0);
