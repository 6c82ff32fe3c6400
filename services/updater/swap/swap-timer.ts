// Measures how long each step of a swap takes, and how long the container is down: until its successor has started,
// or until the old container runs again. Also decides how long an undo is retried.
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
import { Backoff } from "../../../shared/retry.ts";
import type { Failure, StepObserver } from "./saga.ts";
import { ParentGone } from "./namespace-parents.ts";
import { DOWNTIME_STEPS } from "./swap.ts";

const PAUSES = { first: 200, most: 5000 };
/** How long an undo is retried while the Engine answers but refuses it. */
const PATIENCE_MS = 120_000;

export interface SwapTimerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the retries: the next start of the updater finds what is left. */
  readonly hardStop: AbortSignal;
}

export class SwapTimer implements StepObserver {
  readonly steps: { step: string; ms: number }[] = [];
  readonly monotonic: () => number;
  readonly #options: SwapTimerOptions;
  readonly #logged = new Set<string>();
  #down: number | undefined;
  #up: number | undefined;
  readonly #backoff: Backoff;
  #patientSince: number | undefined;

  constructor(options: SwapTimerOptions) {
    this.monotonic = options.clock.monotonic;
    this.#options = options;
    this.#backoff = new Backoff(options.clock, PAUSES);
  }

  onBegin(step: string): void {
    if (step === DOWNTIME_STEPS.from) this.#down = this.monotonic();
  }

  onDone(step: string, ms: number): void {
    this.steps.push({ step, ms: Math.round(ms * 10) / 10 });
    if (step === DOWNTIME_STEPS.to) this.#up = this.monotonic();
  }

  onUndone(step: string, error?: unknown): void {
    if (error === undefined && step === DOWNTIME_STEPS.from) this.#up = this.monotonic();
    this.#logTry(step, error, { done: "step undone", failed: "step not undone yet" });
  }

  onTried(step: string, error?: unknown): void {
    this.#logTry(step, error, { done: "step done", failed: "step not done yet" });
  }

  #logTry(step: string, error: unknown, messages: { readonly done: string; readonly failed: string }): void {
    if (error === undefined) {
      this.#options.log.debug({ step }, messages.done);
      return;
    }
    const because = explain(error);
    const isNew = !this.#logged.has(`${step}: ${because}`);
    this.#logged.add(`${step}: ${because}`);
    this.#options.log[isNew ? "warn" : "debug"]({ step, because }, messages.failed);
  }

  /** Retries for as long as the Engine does not answer: that loses nothing, and nobody could do it by hand either. */
  async shouldRetry(failures: readonly Failure[]): Promise<boolean> {
    const { clock, hardStop } = this.#options;
    if (hardStop.aborted || !failures.some(({ error }) => mayHeal(error))) return false;
    if (failures.some(({ error }) => isEngineUnreachable(error))) this.#patientSince = undefined;
    else this.#patientSince ??= clock.monotonic();
    if (this.#patientSince !== undefined && clock.monotonic() - this.#patientSince > PATIENCE_MS)
      return false;
    await this.#backoff.pause(hardStop);
    return true;
  }

  /** An undo did not succeed at once, so the cause was not the image. */
  get hadToWait(): boolean {
    return this.#logged.size > 0;
  }

  /** Milliseconds; empty if the container was not down. */
  get downtime(): { downtime_ms?: number } {
    return this.#down === undefined || this.#up === undefined
      ? {}
      : { downtime_ms: Math.round(this.#up - this.#down) };
  }
}

/** A missing object stays missing, so NOT_FOUND is not retried. A malformed answer may be well-formed next time. */
const mayHeal = (error: unknown): boolean =>
  (error instanceof Error && error.cause !== undefined && mayHeal(error.cause)) ||
  isEngineUnreachable(error) ||
  isMalformedAnswer(error) ||
  isParentEnded(error) ||
  isBetweenRestarts(error) ||
  error instanceof ParentGone ||
  [403, 409, 500].includes(statusOf(error) ?? 0);
