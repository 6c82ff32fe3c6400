// Core NATS subscriptions on the host's verdict and progress subjects: they only wake a waiting gate, which then reads
// the stream. A ring that is missed costs a tick; a ring that lies costs a read.
import type { Msg, NatsConnection, Subscription } from "nats";
import type { Clock } from "../../../shared/clock.ts";
import { subjects } from "../../../shared/contract/subjects.ts";

export interface SignalListener extends Disposable {
  /** Participant tokens that rang since they were taken. */
  readonly signaled: Set<string>;
  /** Participant token → monotonic time of its last progress. */
  readonly progress: ReadonlyMap<string, number>;
  /** Resolves at the next ring or progress, or after `ms`. */
  readonly waitForNext: (ms: number) => Promise<void>;
}

interface EventSignals {
  readonly signaled: Set<string>;
  readonly progress: Map<string, number>;
  wake: () => void;
}

export class VerdictSignals implements Disposable {
  readonly #clock: Clock;
  readonly #ears = new Map<string, EventSignals>();
  readonly #subscriptions: readonly Subscription[];
  /** Called with event id and participant token for verdicts nobody waits for. */
  onUnawaitedVerdict: (event: string, participant: string) => void = () => undefined;

  constructor(nats: NatsConnection, host: string, clock: Clock) {
    this.#clock = clock;
    const onVerdict = (error: Error | null, message: Msg): void => {
      const [event, participant] = parseSignalSubject(message);
      if (error !== null) return;
      const ear = this.#ears.get(event);
      ear?.signaled.add(participant);
      ear?.wake();
      if (ear === undefined) this.onUnawaitedVerdict(event, participant);
    };
    const onProgress = (error: Error | null, message: Msg): void => {
      const [event, participant] = parseSignalSubject(message);
      if (error !== null) return;
      this.#ears.get(event)?.progress.set(participant, clock.monotonic());
      this.#ears.get(event)?.wake();
    };
    this.#subscriptions = [
      nats.subscribe(subjects.verdictsOf(host), { callback: onVerdict }),
      nats.subscribe(subjects.progressOf(host), { callback: onProgress }),
    ];
  }

  /** Before the event is published, so that no answer can be missed. */
  listen(event: string, signal: AbortSignal): SignalListener {
    const ear: EventSignals = { signaled: new Set(), progress: new Map(), wake: () => undefined };
    this.#ears.set(event, ear);
    const onAbort = (): void => ear.wake();
    signal.addEventListener("abort", onAbort, { once: true });
    return {
      signaled: ear.signaled,
      progress: ear.progress,
      waitForNext: async (ms) => {
        const woken = new AbortController();
        ear.wake = () => woken.abort();
        if (!signal.aborted) await this.#clock.sleep(ms, woken.signal);
        ear.wake = () => undefined;
      },
      [Symbol.dispose]: () => {
        signal.removeEventListener("abort", onAbort);
        this.#ears.delete(event);
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
