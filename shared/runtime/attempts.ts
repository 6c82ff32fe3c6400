// Limits how often somebody may try a secret. Pure but for its own memory, which is bounded.
import type { Clock } from "../clock.ts";

const WINDOW_MS = 5 * 60_000;
const MAX_FOR_ONE = 5;
/** From all addresses together: somebody may have many. */
const MAX_FOR_ALL = 200;
const MAX_ADDRESSES = 10_000;
const ALL = "*";

export class Attempts {
  readonly #clock: Pick<Clock, "monotonic">;
  /** When attempts failed, by address. */
  readonly #failed = new Map<string, number[]>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Seconds until the address may try again; 0 where it may now. */
  waitFor(address: string): number {
    return Math.max(this.#wait(address, MAX_FOR_ONE), this.#wait(ALL, MAX_FOR_ALL));
  }

  noteFailure(address: string): void {
    for (const key of [address, ALL]) {
      const times = [...this.#recent(key), this.#clock.monotonic()];
      this.#failed.delete(key); // the map stays in the order of the last failures
      this.#failed.set(key, times.slice(-MAX_FOR_ALL));
    }
    for (const key of this.#failed.keys()) {
      if (this.#failed.size <= MAX_ADDRESSES) break;
      if (key !== ALL) this.#failed.delete(key);
    }
  }

  noteSuccess(address: string): void {
    this.#failed.delete(address);
  }

  #wait(key: string, most: number): number {
    const recent = this.#recent(key);
    if (recent.length < most) return 0;
    const first = recent.at(-most) ?? 0;
    return Math.max(1, Math.ceil((first + WINDOW_MS - this.#clock.monotonic()) / 1000));
  }

  #recent(key: string): readonly number[] {
    const since = this.#clock.monotonic() - WINDOW_MS;
    return (this.#failed.get(key) ?? []).filter((time) => time > since);
  }
}
