// Listening for signs of life of others, on the Engine's event stream: it tells of a volume that was made, also where a
// prune took it at once. How long nothing was heard is counted in signs of one's own that came back, so that neither a
// stream that is broken nor an Engine that answers nobody is taken for silence. Engine API: SystemEvents.
import type { Readable } from "node:stream";
import { type Clock, firstOf } from "../../../shared/clock.ts";
import { type Engine, statusOf } from "../../../shared/docker/engine.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { sendLeaseSignal, removeLeaseVolume, parseLeaseSignal } from "./lease-volumes.ts";

const AGAIN_MS = 500;
const FORBIDDEN = 403;

interface LeaseEvent {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: { readonly name?: string } };
}

/** `done`: who held the lease has given it back. `deaf`: one's own sign did not come back. */
export type HeardSignal = "a sign of life" | "silence" | "done" | "deaf";

export class LeaseSignalListener implements Disposable {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #id: string;
  readonly #over = new AbortController();
  #wake = new AbortController();
  #heard = { alive: false, done: false, own: false };
  /** A proxy in between lets no events through: then the names of the volumes must tell. */
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

  /** What is heard in `ms`; a lease that is given back ends the listening at once. `there`: the volumes of signs now. */
  async listen(ms: number, there: readonly string[], signal: AbortSignal): Promise<HeardSignal> {
    this.#heard = { alive: this.#heard.alive, done: this.#heard.done, own: this.#isDenied };
    this.#wake = new AbortController();
    const isNew = this.#look(there);
    const until = firstOf(signal, this.#wake.signal);
    const own = await sendLeaseSignal(this.#engine, { kind: "waits", id: this.#id }, this.#n++);
    try {
      if (!this.#heard.done) await this.#clock.sleep(ms, until);
    } finally {
      await removeLeaseVolume(this.#engine, own);
    }
    const { alive, done, own: isOwnHeard } = this.#heard;
    this.#heard = { alive: false, done: false, own: false };
    if (done) return "done";
    if (alive || isNew) return "a sign of life";
    return isOwnHeard ? "silence" : "deaf";
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  /** Volumes of others that were not there before. */
  #look(there: readonly string[]): boolean {
    const alive = there.filter((name) => parseLeaseSignal(name)?.kind === "alive");
    const isNew = this.#seen !== undefined && alive.some((name) => this.#seen?.includes(name) === false);
    this.#seen = alive;
    return isNew;
  }

  async #listen(): Promise<void> {
    const { signal } = this.#over;
    const filters = { type: ["volume" as const], event: ["create"] };
    while (!signal.aborted) {
      try {
        const given = { filters, abortSignal: signal };
        const events = (await this.#engine.dockerWithoutTimeout.getEvents(given)) as unknown as Readable;
        for await (const line of linesOf(events)) this.#hear(parseJson(line) as LeaseEvent);
      } catch (error) {
        this.#isDenied = statusOf(error) === FORBIDDEN;
      }
      this.#heard.own = this.#isDenied;
      await this.#clock.sleep(AGAIN_MS, signal);
    }
  }

  /** podman tells the name among the attributes. */
  #hear({ Actor: { ID = "", Attributes = {} } = {} }: LeaseEvent): void {
    const sign = parseLeaseSignal(ID === "" ? (Attributes.name ?? "") : ID);
    if (sign === undefined) return;
    if (sign.id === this.#id) this.#heard.own = true;
    else if (sign.kind === "alive") this.#heard.alive = true;
    else if (sign.kind === "done") {
      this.#heard.done = true;
      this.#wake.abort();
    }
  }
}

/** Fails where the stream does. */
async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}
