// Core NATS subscriptions on the verdict and progress subjects of a host. They only wake a waiting gate, which then
// reads the stream. A missed signal costs a tick; a false signal costs a read.
import type { Msg, NatsConnection, Subscription } from "nats";
import type { Clock } from "../../../shared/clock.ts";
import { subjects } from "../../../shared/contract/subjects.ts";

export interface SignalListener extends Disposable {
  /** Participant tokens that were signaled since they were last removed. */
  readonly signaled: Set<string>;
  /** Participant token → monotonic time of its last progress. */
  readonly progress: ReadonlyMap<string, number>;
  /** Resolves at the next signal of a verdict or of progress, or after `ms`. */
  readonly waitForNext: (ms: number) => Promise<void>;
}

interface EventSignals {
  readonly signaled: Set<string>;
  readonly progress: Map<string, number>;
  wake: () => void;
}

export class VerdictSignals implements Disposable {
  readonly #clock: Clock;
  readonly #listeners = new Map<string, EventSignals>();
  readonly #subscriptions: readonly Subscription[];
  /** Called with event id and participant token for a verdict that nobody waits for. */
  onUnawaitedVerdict: (event: string, participant: string) => void = () => undefined;

  constructor(nats: NatsConnection, host: string, clock: Clock) {
    this.#clock = clock;
    const onVerdict = (error: Error | null, message: Msg): void => {
      const [event, participant] = parseSignalSubject(message);
      if (error !== null) return;
      const listener = this.#listeners.get(event);
      listener?.signaled.add(participant);
      listener?.wake();
      if (listener === undefined) this.onUnawaitedVerdict(event, participant);
    };
    const onProgress = (error: Error | null, message: Msg): void => {
      const [event, participant] = parseSignalSubject(message);
      if (error !== null) return;
      this.#listeners.get(event)?.progress.set(participant, clock.monotonic());
      this.#listeners.get(event)?.wake();
    };
    this.#subscriptions = [
      nats.subscribe(subjects.verdictsOf(host), { callback: onVerdict }),
      nats.subscribe(subjects.progressOf(host), { callback: onProgress }),
    ];
  }

  /** Called before the event is published, so that no answer can be missed. */
  listen(event: string, signal: AbortSignal): SignalListener {
    const listener: EventSignals = { signaled: new Set(), progress: new Map(), wake: () => undefined };
    this.#listeners.set(event, listener);
    const onAbort = (): void => listener.wake();
    signal.addEventListener("abort", onAbort, { once: true });
    return {
      signaled: listener.signaled,
      progress: listener.progress,
      waitForNext: async (ms) => {
        const woken = new AbortController();
        listener.wake = () => woken.abort();
        if (!signal.aborted) await this.#clock.sleep(ms, woken.signal);
        listener.wake = () => undefined;
      },
      [Symbol.dispose]: () => {
        signal.removeEventListener("abort", onAbort);
        this.#listeners.delete(event);
      },
    };
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }
}

/** `ouroboros.verdict.<host>.<participant>.<event>` → event and participant token. */
function parseSignalSubject(message: Msg): [event: string, participant: string] {
  const [, , , participant = "", event = ""] = message.subject.split(".");
  return [event, participant];
}
