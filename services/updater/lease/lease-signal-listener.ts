// Listens on the Engine's event stream for the signals of other processes. A signal is a volume; the stream reports
// its creation even if a prune removes the volume at once. Silence counts only while this process receives its own
// signals back, so neither a broken stream nor an Engine that does not answer is taken for silence.
// Engine API: SystemEvents.
import type { Readable } from "node:stream";
import { type Clock, firstOf } from "../../../shared/clock.ts";
import { type Engine, statusOf } from "../../../shared/docker/engine.ts";
import { linesOf } from "../../../shared/docker/engine-events.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { sendLeaseSignal, removeLeaseVolume, parseLeaseSignal } from "./lease-volumes.ts";

const AGAIN_MS = 500;
const FORBIDDEN = 403;

interface LeaseEvent {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: { readonly name?: string } };
}

/** `done`: the holder released the lease. `deaf`: the signal this process sent did not come back. */
export type HeardSignal = "a sign of life" | "silence" | "done" | "deaf";

export class LeaseSignalListener implements Disposable {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #id: string;
  readonly #disposed = new AbortController();
  #wake = new AbortController();
  #heard = { alive: false, done: false, own: false };
  /** A proxy before the Engine denies the events. The names of the volumes must do then. */
  #isDenied = false;
  #seen: readonly string[] | undefined;
  #n = 0;

  constructor({
    engine,
    clock,
    id,
  }: {
    readonly engine: Engine;
    readonly clock: Clock;
    readonly id: string;
  }) {
    this.#engine = engine;
    this.#clock = clock;
    this.#id = id;
    void this.#listen();
  }

  /** Listens for `ms`, or until the lease is released. `volumes`: the signal volumes that exist now. */
  async listen(ms: number, volumes: readonly string[], signal: AbortSignal): Promise<HeardSignal> {
    this.#heard = { alive: this.#heard.alive, done: this.#heard.done, own: this.#isDenied };
    this.#wake = new AbortController();
    const isNew = this.#hasNewSignals(volumes);
    const until = firstOf(signal, this.#wake.signal);
    const ownSignal = await sendLeaseSignal(this.#engine, { kind: "waits", id: this.#id }, this.#n++);
    try {
      if (!this.#heard.done) await this.#clock.sleep(ms, until);
    } finally {
      await removeLeaseVolume(this.#engine, ownSignal);
    }
    const { alive, done, own: isOwnHeard } = this.#heard;
    this.#heard = { alive: false, done: false, own: false };
    if (done) return "done";
    if (alive || isNew) return "a sign of life";
    return isOwnHeard ? "silence" : "deaf";
  }

  [Symbol.dispose](): void {
    this.#disposed.abort();
  }

  /** Did a holder send a signal since the last call? */
  #hasNewSignals(volumes: readonly string[]): boolean {
    const alive = volumes.filter((name) => parseLeaseSignal(name)?.kind === "alive");
    const isNew = this.#seen !== undefined && alive.some((name) => this.#seen?.includes(name) === false);
    this.#seen = alive;
    return isNew;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#disposed;
    const filters = { type: ["volume" as const], event: ["create"] };
    while (!signal.aborted) {
      try {
        const options = { filters, abortSignal: signal };
        const events = (await this.#engine.dockerWithoutTimeout.getEvents(options)) as unknown as Readable;
        for await (const line of linesOf(events)) this.#hear(parseJson(line) as LeaseEvent);
      } catch (error) {
        this.#isDenied = statusOf(error) === FORBIDDEN;
      }
      this.#heard.own = this.#isDenied;
      await this.#clock.sleep(AGAIN_MS, signal);
    }
  }

  /** podman reports the volume's name among the attributes. */
  #hear({ Actor: { ID = "", Attributes = {} } = {} }: LeaseEvent): void {
    const leaseSignal = parseLeaseSignal(ID === "" ? (Attributes.name ?? "") : ID);
    if (leaseSignal === undefined) return;
    if (leaseSignal.id === this.#id) this.#heard.own = true;
    else if (leaseSignal.kind === "alive") this.#heard.alive = true;
    else if (leaseSignal.kind === "done") {
      this.#heard.done = true;
      this.#wake.abort();
    }
  }
}
