// Collects things by key until no more come for a moment, and gives them out together: what comes often costs one piece
// of work. Nothing waits for ever, and no key is given out again before its gap is over. No timer runs while it is empty.
import type { Clock } from "./clock.ts";
import { WakeSignal } from "./wake-signal.ts";

interface CollectorOptions {
  readonly clock: Pick<Clock, "monotonic" | "sleep">;
  readonly signal: AbortSignal;
  /** Things are given out when none has come for so long. Milliseconds, like all that follow. */
  readonly quietMs: number;
  /** So long after the first one at the latest. */
  readonly mostMs: number;
  /** Before a key is given out again. */
  readonly gapMs: number;
  /** How many keys wait at most; others are not taken. */
  readonly capacity: number;
}

export class Collector<T> {
  readonly #options: CollectorOptions;
  readonly #waiting = new Map<string, T>();
  /** When keys were given out last, in that order; those whose gap is over are gone. */
  readonly #given = new Map<string, number>();
  readonly #wakeSignal = new WakeSignal();
  /** Has the time until something is due be reckoned anew. */
  readonly #changed = new WakeSignal();
  #firstAt = 0;
  #lastAt = 0;
  #isTimed = false;
  /** Something was due, and is until it is taken, whatever comes meanwhile. */
  #isDue = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** False where it is full. The same key takes the place of what waits under it. */
  add(key: string, thing: T): boolean {
    if (!this.#waiting.has(key) && this.#waiting.size >= this.#options.capacity) return false;
    const now = this.#options.clock.monotonic();
    if (this.#waiting.size === 0) this.#firstAt = now;
    this.#lastAt = now;
    this.#waiting.set(key, thing);
    this.#time();
    return true;
  }

  /** Aborts when there is something to take. */
  get due(): AbortSignal {
    if (this.#msUntilDue() === 0) this.#isDue = true;
    return this.#isDue ? AbortSignal.abort() : this.#wakeSignal.signal;
  }

  /** What is due, by key; empty where nothing is. */
  take(): ReadonlyMap<string, T> {
    if (this.#msUntilDue() !== 0) return new Map();
    this.#isDue = false;
    const now = this.#options.clock.monotonic();
    const taken = new Map([...this.#waiting].filter(([key]) => this.#freeAt(key) <= now));
    for (const [key, at] of this.#given)
      if (at + this.#options.gapMs <= now) this.#given.delete(key);
      else break;
    for (const key of taken.keys()) {
      this.#waiting.delete(key);
      this.#given.set(key, now);
    }
    this.#firstAt = now;
    this.#time();
    return taken;
  }

  #freeAt(key: string): number {
    return (this.#given.get(key) ?? Number.NEGATIVE_INFINITY) + this.#options.gapMs;
  }

  /** 0 where something is due; undefined where nothing waits. */
  #msUntilDue(): number | undefined {
    if (this.#waiting.size === 0) return undefined;
    if (this.#isDue) return 0;
    const { clock, quietMs, mostMs } = this.#options;
    const now = clock.monotonic();
    const freeAt = Math.min(...[...this.#waiting.keys()].map((key) => this.#freeAt(key)));
    const quietAt = Math.min(this.#lastAt + quietMs, this.#firstAt + mostMs);
    return Math.max(freeAt - now, quietAt - now, 0);
  }

  #time(): void {
    if (this.#isTimed) this.#changed.wake();
    else if (this.#waiting.size > 0) void this.#wakeWhenDue();
  }

  async #wakeWhenDue(): Promise<void> {
    const { clock, signal } = this.#options;
    this.#isTimed = true;
    for (let ms = this.#msUntilDue(); ms !== undefined && ms > 0 && !signal.aborted; ms = this.#msUntilDue())
      await clock.sleep(Math.ceil(ms), AbortSignal.any([signal, this.#changed.signal]));
    this.#isTimed = false;
    if (this.#msUntilDue() !== 0) return;
    this.#isDue = true;
    this.#wakeSignal.wake();
  }
}
