// What the service remembers of each host across restarts, in KV OUROBOROS_OBSERVERS under its name: without it a
// container that is removed while the service is down would stay in Home Assistant for good.
import { readMessages } from "../../shared/nats/jetstream.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { decodeToken, encodeToken, isToken } from "../../shared/contract/subject-tokens.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import { type HostState, type KnownContainer, KnownContainers, newHostState } from "./host-state.ts";
import { isDeletion } from "./host-entries.ts";

export class Memory {
  readonly #observing: Observing;
  /** The last value of each host. */
  readonly #stored = new Map<string, string>();
  /** The last write: one at a time, so that an older one never overtakes a newer one. */
  #writing: Promise<void> = Promise.resolve();

  constructor(observing: Observing) {
    this.#observing = observing;
  }

  /** @throws the NATS client's error. */
  async load(): Promise<Map<string, HostState>> {
    const { manager, name } = this.#observing;
    const hosts = new Map<string, HostState>();
    const subject = `$KV.${BUCKETS.observers}.${name}.>`;
    for await (const message of readMessages(manager, `KV_${BUCKETS.observers}`, subject)) {
      const token = message.subject.split(".").at(-1) ?? "";
      const containers = KnownContainers.safeParse(parseJson(message.string())).data;
      if (isDeletion(message) || containers === undefined || !isToken(token)) continue;
      hosts.set(decodeToken(token), newHostState(containers));
      this.#stored.set(decodeToken(token), message.string());
    }
    return hosts;
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
