// What the service remembers of each host across restarts, in KV OUROBOROS_OBSERVERS under its name: without it a
// container that is removed while the service is down would stay in Home Assistant for good. A host without an entry has
// a second key, NAME.absent.HOST, with the time since when.
import { readMessages } from "../../shared/nats/jetstream.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { decodeToken, encodeToken, isToken } from "../../shared/contract/subject-tokens.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import { type HostState, type KnownContainer, KnownContainers, newHostState } from "./host-state.ts";
import { isDeletion } from "./host-entries.ts";

export interface RememberedHosts {
  readonly hosts: Map<string, HostState>;
  /** Since when hosts have had no entry. Milliseconds since 1970. */
  readonly absent: ReadonlyMap<string, number>;
}

export class Memory {
  readonly #observing: Observing;
  /** The last value of each host. */
  readonly #stored = new Map<string, string>();
  /** Hosts whose absence is stored. */
  readonly #absent = new Set<string>();
  /** The last write: one at a time, so that an older one never overtakes a newer one. */
  #writing: Promise<void> = Promise.resolve();

  constructor(observing: Observing) {
    this.#observing = observing;
  }

  /** @throws the NATS client's error. */
  async load(): Promise<RememberedHosts> {
    const { manager, name } = this.#observing;
    const hosts = new Map<string, HostState>();
    const absent = new Map<string, number>();
    const prefix = `$KV.${BUCKETS.observers}.${name}.`;
    for await (const message of readMessages(manager, `KV_${BUCKETS.observers}`, `${prefix}>`)) {
      const [token = "", absentToken] = message.subject.slice(prefix.length).split(".");
      if (isDeletion(message) || !isToken(absentToken ?? token)) continue;
      const host = decodeToken(absentToken ?? token);
      const value = parseJson(message.string());
      const containers = KnownContainers.safeParse(value).data;
      if (absentToken !== undefined && typeof value === "number") {
        absent.set(host, value);
        this.#absent.add(host);
      } else if (absentToken === undefined && containers !== undefined) {
        hosts.set(host, newHostState(containers));
        this.#stored.set(host, message.string());
      }
    }
    return { hosts, absent };
  }

  /** Stores the times of those that are absent, and deletes those of hosts that are there again. @throws the NATS client's error. */
  async storeAbsent(since: ReadonlyMap<string, number>): Promise<void> {
    const { state: bucket, name } = this.#observing;
    const keyOf = (host: string): string => `${name}.absent.${encodeToken(host)}`;
    for (const [host, at] of since) {
      if (this.#absent.has(host)) continue;
      await bucket.put(keyOf(host), JSON.stringify(at));
      this.#absent.add(host);
    }
    for (const host of this.#absent) {
      if (since.has(host)) continue;
      await bucket.delete(keyOf(host));
      this.#absent.delete(host);
    }
  }

  /**
   * Stores what `containersOf` gives when its turn has come; undefined forgets the host.
   * @throws the NATS client's error.
   */
  store(host: string, containersOf: () => ReadonlyMap<string, KnownContainer> | undefined): Promise<void> {
    const written = this.#writing.then(() => this.#write(host, containersOf()));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #write(host: string, containers: ReadonlyMap<string, KnownContainer> | undefined): Promise<void> {
    const { state: bucket, name } = this.#observing;
    const key = `${name}.${encodeToken(host)}`;
    if (containers === undefined) {
      if (!this.#stored.has(host)) return;
      await bucket.delete(key);
      this.#stored.delete(host);
      return;
    }
    const value = JSON.stringify(Object.fromEntries(containers));
    if (this.#stored.get(host) === value) return;
    await bucket.put(key, value);
    this.#stored.set(host, value);
  }
}
