// What the buckets say of the hosts now: their entries, and how many containers are held on each. Read when it is
// asked for, at most every 15 seconds.
import type { JetStreamManager } from "@nats-io/jetstream";
import type { Logger } from "pino";
import type { Clock } from "../../shared/clock.ts";
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { type HostEntry, parseHostEntry } from "../../shared/contract/host-entry.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { explain } from "../../shared/errors.ts";
import { entriesOf } from "../../shared/nats/bucket-entries.ts";

export interface FleetFigures {
  readonly hosts: ReadonlyMap<string, HostEntry>;
  /** Number of containers with a held image, by host. */
  readonly held: ReadonlyMap<string, number>;
  /** False where NATS did not answer: then this is what it said before. */
  readonly isCurrent: boolean;
}

interface FleetReaderOptions {
  readonly manager: JetStreamManager;
  readonly clock: Clock;
  readonly log: Logger;
}

const MAX_AGE_MS = 15_000;
/** Below the time that Prometheus gives a scrape, ten seconds by default. */
const TIMEOUT_MS = 4000;

export class FleetReader {
  readonly #options: FleetReaderOptions;
  #fleet: FleetFigures = { hosts: new Map(), held: new Map(), isCurrent: false };
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(options: FleetReaderOptions) {
    this.#options = options;
  }

  /** Never rejects; resolves within four seconds. */
  async read(): Promise<FleetFigures> {
    const isOld = this.#options.clock.monotonic() - this.#readAt > MAX_AGE_MS;
    return isOld || !this.#fleet.isCurrent ? this.readAnew() : this.#fleet;
  }

  async readAnew(): Promise<FleetFigures> {
    const { clock } = this.#options;
    this.#reading ??= this.#readBuckets().finally(() => (this.#reading = undefined));
    const done = new AbortController();
    const late = clock.sleep(TIMEOUT_MS, done.signal).then(() => {
      if (!done.signal.aborted) this.#fleet = { ...this.#fleet, isCurrent: false };
    });
    await Promise.race([this.#reading.finally(() => done.abort()), late]);
    return this.#fleet;
  }

  async #readBuckets(): Promise<void> {
    const { manager, clock, log } = this.#options;
    try {
      const hosts = new Map<string, HostEntry>();
      for await (const [[host = ""], text] of entriesOf(manager, BUCKETS.hosts)) {
        const entry = parseHostEntry(text);
        if (entry !== undefined) hosts.set(host, entry);
      }
      const held = new Map<string, number>();
      for await (const [[host = ""], text] of entriesOf(manager, BUCKETS.held))
        if (isHeld(text, clock.now())) held.set(host, (held.get(host) ?? 0) + 1);
      this.#fleet = { hosts, held, isCurrent: true };
      this.#readAt = clock.monotonic();
    } catch (error) {
      log.debug({ because: explain(error) }, "the hosts' entries cannot be read");
      this.#fleet = { ...this.#fleet, isCurrent: false };
    }
  }
}

/** A deleted entry is an empty text. */
function isHeld(text: string, now: number): boolean {
  const entry = HeldEntry.safeParse(parseJson(text)).data;
  return entry !== undefined && (entry.until === null || entry.until > now);
}
