// How failed attempts are repeated: after pauses that double, on the service's own clock.
import type { Clock } from "./clock.ts";

/** Milliseconds. */
export interface Pauses {
  readonly first: number;
  readonly most: number;
}

/** Pauses that double with each one, up to the longest. */
export class Backoff {
  readonly #clock: Clock;
  readonly #pauses: Pauses;
  #next: number;

  constructor(clock: Clock, pauses: Pauses) {
    [this.#clock, this.#pauses, this.#next] = [clock, pauses, pauses.first];
  }

  /** How long the next pause is. Milliseconds. */
  get next(): number {
    return this.#next;
  }

  /** Resolves at once when the signal aborts. */
  async pause(signal?: AbortSignal): Promise<void> {
    const ms = this.#next;
    this.#next = Math.min(ms * 2, this.#pauses.most);
    await this.#clock.sleep(ms, signal);
  }

  /** After a success: the next failure is a new one. */
  reset(): void {
    this.#next = this.#pauses.first;
  }
}

interface RetryOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Between two attempts. Milliseconds. */
  readonly intervalMs: number;
  /** Called with the error and the number of attempts so far. What it throws ends the retries. */
  readonly onFailure: (error: unknown, attempts: number) => void;
}

/** Attempts until it succeeds; undefined where the signal aborts first. */
export async function retry<T>(
  attempt: () => Promise<T>,
  { clock, signal, intervalMs, onFailure }: RetryOptions,
): Promise<T | undefined> {
  for (let attempts = 1; !signal.aborted; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      onFailure(error, attempts);
    }
    await clock.sleep(intervalMs, signal);
  }
  return undefined;
}
