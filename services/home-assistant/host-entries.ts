// Follows the entries of the hosts in KV OUROBOROS_HOSTS. An observer may read that bucket and not subscribe to it, so
// it asks from time to time for what was written since.
import type { StoredMsg } from "@nats-io/jetstream";
import { explain } from "../../shared/errors.ts";
import { type HostEntry, parseHostEntry } from "../../shared/contract/host-entry.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { decodeToken, isToken } from "../../shared/contract/subject-tokens.ts";
import { getNextMessage } from "../../shared/nats/jetstream.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";

const INTERVAL_MS = 2000;
/** How many looks at what is new come between two at everything: a NATS that lost its data counts anew. */
const LOOKS = 150;

export interface HostEntryListener {
  readonly changed: (host: string, entry: HostEntry) => Promise<void>;
  /** Called when everything was read. */
  readonly known: (hosts: KnownHosts) => Promise<void>;
}

export interface KnownHosts {
  /** Those that have an entry. */
  readonly listed: ReadonlySet<string>;
  /** Those whose entry was deleted, as by `ouroboros host forget`. */
  readonly forgotten: ReadonlySet<string>;
}

export async function followHostEntries(observing: Observing, listener: HostEntryListener): Promise<void> {
  const { clock, log, signal } = observing;
  const hosts = { listed: new Set<string>(), forgotten: new Set<string>() };
  for (let look = 0, after = 0; !signal.aborted; look = (look + 1) % LOOKS) {
    try {
      if (look === 0) {
        after = 0;
        hosts.listed.clear();
        hosts.forgotten.clear();
      }
      after = await readEntries(observing, { after, hosts, listener });
      if (signal.aborted) return; // not everything was read
      await listener.known(hosts);
    } catch (error) {
      log.debug({ because: explain(error) }, "the hosts' entries could not be read");
      look = -1; // everything, the next time
    }
    await clock.sleep(INTERVAL_MS, signal);
  }
}

interface Reading {
  /** The sequence of the last entry that was read. */
  readonly after: number;
  readonly hosts: { readonly listed: Set<string>; readonly forgotten: Set<string> };
  readonly listener: HostEntryListener;
}

/** Resolves with the sequence of the last entry. */
async function readEntries(
  { manager, signal }: Observing,
  { after, hosts, listener }: Reading,
): Promise<number> {
  const subject = `$KV.${BUCKETS.hosts}.>`;
  for (let last = after; ;) {
    const message = await getNextMessage(manager, `KV_${BUCKETS.hosts}`, subject, last + 1);
    if (message === undefined || signal.aborted) return last;
    last = message.seq;
    const token = message.subject.split(".").at(-1) ?? "";
    if (!isToken(token)) continue;
    const host = decodeToken(token);
    const [from, to] = isDeletion(message)
      ? [hosts.listed, hosts.forgotten]
      : [hosts.forgotten, hosts.listed];
    from.delete(host);
    to.add(host);
    const entry = isDeletion(message) ? undefined : parseHostEntry(message.string());
    if (entry !== undefined) await listener.changed(host, entry);
  }
}

/** ADR-8 of NATS: the marker of a deleted key. */
export const isDeletion = ({ header }: StoredMsg): boolean => header.get("KV-Operation") !== "";
