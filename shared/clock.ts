// The only clock. No other code in services/ and shared/ reads the time or sets a timer: a service gets the clock at
// its start and passes it on.
import { setMaxListeners } from "node:events";
import { setTimeout as sleepFor } from "node:timers/promises";

export interface Clock {
  /** Wall time, milliseconds since 1970. May jump. */
  readonly now: () => number;
  /** Milliseconds that never go backwards; for waiting and measuring. */
  readonly monotonic: () => number;
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Calls `tick` every `ms` until disposed. */
  readonly every: (ms: number, tick: () => void) => Disposable;
  /** Aborts after `ms`, with a `TimeoutError`. */
  readonly deadline: (ms: number, ...also: readonly AbortSignal[]) => AbortSignal;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleepFor(Math.min(ms, 2 ** 31 - 1), undefined, signal ? { signal } : {}).catch(() => undefined);
  },
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
  deadline: (ms, ...also) => {
    const timeout = AbortSignal.timeout(Math.min(Math.ceil(ms), 2 ** 31 - 1));
    // Node 20 garbage-collects a signal that only `any` refers to.
    timeout.addEventListener("abort", () => undefined, { once: true });
    return AbortSignal.any([timeout, ...also]);
  },
};

/** Aborts with the first of the signals. It takes any number of listeners: each container of a run adds one. */
export function firstOf(...signals: readonly AbortSignal[]): AbortSignal {
  const first = AbortSignal.any([...signals]);
  setMaxListeners(0, first);
  return first;
}

export const iso = (ms: number): string => new Date(ms).toISOString();
