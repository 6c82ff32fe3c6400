// Core NATS subscriptions on the verdict and progress subjects of a host. They only wake a waiting gate, which then
// reads the stream. A missed signal costs a tick; a false signal costs a read.
import type { Msg, NatsConnection, Subscription } from "nats";
import { subjects } from "../../../shared/contract/subjects.ts";

/** Called with the token of a participant. */
export interface SignalListener {
  readonly onVerdict: (participant: string) => void;
  readonly onProgress: (participant: string) => void;
}

export class VerdictSignals implements Disposable {
  readonly #listeners = new Map<string, SignalListener>();
  readonly #subscriptions: readonly Subscription[];
  /** Called with event id and participant token for a verdict that nobody waits for. */
  onUnawaitedVerdict: (event: string, participant: string) => void = () => undefined;

  constructor(nats: NatsConnection, host: string) {
    const onVerdict = (error: Error | null, message: Msg): void => {
      const [event, participant] = parseSignalSubject(message);
      if (error !== null) return;
      const listener = this.#listeners.get(event);
      if (listener === undefined) this.onUnawaitedVerdict(event, participant);
      else listener.onVerdict(participant);
    };
    const onProgress = (error: Error | null, message: Msg): void => {
      const [event, participant] = parseSignalSubject(message);
      if (error === null) this.#listeners.get(event)?.onProgress(participant);
    };
    this.#subscriptions = [
      nats.subscribe(subjects.verdictsOf(host), { callback: onVerdict }),
      nats.subscribe(subjects.progressOf(host), { callback: onProgress }),
    ];
  }

  /** Called before the event is published, so that no answer can be missed. */
  listen(event: string, listener: SignalListener): Disposable {
    this.#listeners.set(event, listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(event) };
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
