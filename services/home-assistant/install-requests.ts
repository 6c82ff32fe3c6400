// The install buttons: asks the host's poller for the update, as `ouroboros update` does. A host makes one run at a
// time, so what is asked for during another one waits here for its turn.
import { RequestResult } from "../../shared/contract/request-result.ts";
import { explain } from "../../shared/errors.ts";
import { askService } from "../../shared/nats/ask-service.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";

/** The poller first finishes its current cycle, then asks a registry. */
const ANSWER_MS = 120_000;
const ASK_AGAIN_MS = 2000;
/** How long a request waits for another run of its host to end. */
const PATIENCE_MS = 30 * 60_000;

export interface RequestListener {
  /** The requests of the host have changed. */
  readonly changed: (host: string) => void;
  readonly begun: (host: string, run: string, container: string) => void;
}

export class InstallRequests {
  readonly #observing: Observing;
  readonly #listener: RequestListener;
  /** The containers whose request is not answered, by host. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #queues = new Map<string, Promise<void>>();

  constructor(observing: Observing, listener: RequestListener) {
    this.#observing = observing;
    this.#listener = listener;
  }

  of(host: string): ReadonlySet<string> {
    return this.#waiting.get(host) ?? new Set();
  }

  /** A second request while the first one waits is dropped. */
  add(host: string, container: string): void {
    const waiting = this.#waiting.get(host) ?? new Set();
    if (waiting.has(container)) return;
    this.#waiting.set(host, waiting.add(container));
    this.#listener.changed(host);
    const before = this.#queues.get(host) ?? Promise.resolve();
    this.#queues.set(
      host,
      before
        .then(async () => {
          const answer = await this.#askPatiently(host, container);
          waiting.delete(container);
          this.#logAnswer({ host, container }, answer);
          if (answer.kind === "begun") this.#listener.begun(host, answer.run, container);
          this.#listener.changed(host);
        })
        .catch((err: unknown) =>
          this.#observing.log.error({ err, host, container }, "install request failed"),
        ),
    );
  }

  async #askPatiently(host: string, container: string): Promise<RequestResult> {
    const { clock, signal } = this.#observing;
    for (const until = clock.monotonic() + PATIENCE_MS; ;) {
      const answer = await this.#ask(host, container);
      if (answer.kind !== "busy" || signal.aborted || clock.monotonic() > until) return answer;
      await clock.sleep(ASK_AGAIN_MS, signal);
    }
  }

  async #ask(host: string, container: string): Promise<RequestResult> {
    try {
      const options = { more: { container }, timeout: ANSWER_MS };
      const reply = await askService(this.#observing, host, ["poller", "update"], options);
      if (reply === undefined) return { kind: "failed", because: `the poller of ${host} does not answer` };
      const unusable = `an answer that cannot be used: ${JSON.stringify(reply).slice(0, 200)}`;
      return RequestResult.safeParse(reply).data ?? { kind: "failed", because: unusable };
    } catch (error) {
      return { kind: "failed", because: explain(error) };
    }
  }

  #logAnswer(fields: { readonly host: string; readonly container: string }, answer: RequestResult): void {
    const { log, signal } = this.#observing;
    if (signal.aborted) return;
    if (answer.kind === "begun")
      log.info({ ...fields, run: answer.run }, "update begun, as Home Assistant asked");
    else if (answer.kind === "current") log.info(fields, "Home Assistant asked for an update: nothing newer");
    else log.warn({ ...fields, because: answer.because }, "Home Assistant asked for an update: not done");
  }
}
