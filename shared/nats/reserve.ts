// The reserve of a host: a stream with a copy of its journal, its plans and what is held there, made by the server as
// these are stored. Hosts that share a NATS share the size limits of its streams, and so one of them can push out the
// messages of another; a reserve is filled by the messages of its own host only. What a host needs to go on is read
// from there where the fleet's stream has lost it. See docs/decisions/0061.
import { DiscardPolicy, type JetStreamManager, StorageType, type StoredMsg } from "@nats-io/jetstream";
import { nanos } from "nats";
import { BUCKETS, STREAMS, heldKey, reserveOf, subjects } from "../contract/subjects.ts";
import { encodeToken } from "../contract/subject-tokens.ts";
import { entriesOf } from "./bucket-entries.ts";
import { getLastMessage, isUnavailable, readMessages } from "./jetstream.ts";
import { UNDELETABLE, ensureStream, streamOf } from "./topology.ts";

const MAX_BYTES = 8 * 1024 * 1024;
const MAX_AGE_MS = 90 * 86_400_000;

/** Makes a reserve for each host of this NATS, if it has several; a single host has all the room there is. */
export async function ensureReserves(manager: JetStreamManager, hosts: readonly string[]): Promise<void> {
  const all = new Set(hosts);
  for await (const [[host], text] of entriesOf(manager, BUCKETS.hosts))
    if (host !== undefined && text !== "") all.add(host);
  if (all.size < 2) return;
  const { num_replicas } = (await manager.streams.info(STREAMS.runs)).config;
  for (const host of all) await ensureStream(manager, { ...reserveStream(host), num_replicas });
}

const reserveStream = (host: string) => ({
  name: reserveOf(host),
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  max_bytes: MAX_BYTES,
  max_age: nanos(MAX_AGE_MS),
  allow_direct: true,
  ...UNDELETABLE,
  sources: [
    { name: STREAMS.runs, filter_subject: subjects.run(host, "*") },
    { name: STREAMS.hooks, filter_subject: subjects.hooksOf(host, "updates_enumerated") },
    { name: streamOf(BUCKETS.held), filter_subject: `$KV.${BUCKETS.held}.${encodeToken(host)}.>` },
  ],
});

/** A message that is stored in the fleet's stream, or only in the host's reserve any more. */
export interface KeptMessage {
  readonly message: StoredMsg;
  /** Its sequence in the fleet's stream; 0 where that has lost it, as the server counts what is not there. */
  readonly sequence: number;
}

/** The last message on `subject`, which is one of the host. */
export async function getLastKept(
  manager: JetStreamManager,
  { host, stream, subject }: { readonly host: string; readonly stream: string; readonly subject: string },
): Promise<KeptMessage | undefined> {
  const stored = await getLastMessage(manager, stream, subject);
  if (stored !== undefined) return { message: stored, sequence: stored.seq };
  const reserved = await getLastReserved(manager, host, subject);
  return reserved && { message: reserved, sequence: 0 };
}

/** Undefined also where the host has no reserve, or the permissions are older than reserves. */
export const getLastReserved = (
  manager: JetStreamManager,
  host: string,
  subject: string,
): Promise<StoredMsg | undefined> =>
  getLastMessage(manager, reserveOf(host), subject).catch((error: unknown) => {
    if (!isUnavailable(error)) throw error;
    return undefined;
  });

/** All messages on `subject` in the host's reserve, in order. */
export async function readReserved(
  manager: JetStreamManager,
  host: string,
  subject: string,
): Promise<StoredMsg[]> {
  const found: StoredMsg[] = [];
  try {
    for await (const message of readMessages(manager, reserveOf(host), subject)) found.push(message);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
  }
  return found;
}

/** The text of what is held for a container; undefined where nothing is, or no longer. */
export const getHeldText = async (
  manager: JetStreamManager,
  host: string,
  container: string,
): Promise<string | undefined> => (await getHeld(manager, host, container))?.text;

/** The same, and when it was stored: server time, milliseconds since 1970. */
export async function getHeld(
  manager: JetStreamManager,
  host: string,
  container: string,
): Promise<{ readonly text: string; readonly at: number } | undefined> {
  const subject = `$KV.${BUCKETS.held}.${heldKey(host, container)}`;
  const kept = await getLastKept(manager, { host, stream: streamOf(BUCKETS.held), subject });
  if (kept === undefined || kept.message.header.has("KV-Operation")) return undefined;
  return { text: kept.message.string(), at: kept.message.time.getTime() };
}
