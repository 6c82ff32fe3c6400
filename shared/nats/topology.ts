// The streams and buckets that Ouroboros needs, on a single NATS, a hub or a leaf node. The updater creates them
// (idempotent); where its permissions forbid that, it only checks that they exist. durable-consumers.ts has the
// consumers.
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { type NatsConnection, nanos } from "nats";
import { messageOf } from "../catalogue/entry.ts";
import { natsErrors } from "../catalogue/nats-errors.ts";
import { MAX_EVENT_BYTES } from "../contract/messages.ts";
import { BUCKETS, NEEDED_BUCKETS, STORED, STREAMS } from "../contract/subjects.ts";
import { encodeToken } from "../contract/subject-tokens.ts";

const MB = 1024 * 1024;
const days = (n: number): number => nanos(n * 86_400_000);

/** Stored messages are removed by age, size and number only; no user can delete or purge them. */
export const UNDELETABLE = { deny_delete: true, deny_purge: true, allow_rollup_hdrs: false } as const;

const base = {
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  allow_direct: true,
  ...UNDELETABLE,
  // The server drops a message whose id somebody else has used. Ours have no id; a short window keeps others safe.
  duplicate_window: nanos(100),
  // users with an account of their own listen to the republished messages
  republish: { src: ">", dest: `${STORED}.>` },
} as const;

const streams: readonly (Partial<StreamConfig> & {
  readonly name: string;
  readonly subjects: readonly string[];
})[] = [
  {
    ...base,
    name: STREAMS.hooks,
    subjects: ["ouroboros.hook.*.*.*.*"],
    max_age: days(30),
    max_bytes: 512 * MB,
    max_msg_size: MAX_EVENT_BYTES,
  },
  {
    ...base,
    name: STREAMS.verdicts,
    subjects: ["ouroboros.verdict.*.*.*"],
    max_age: days(30),
    max_bytes: 256 * MB,
    max_msg_size: 64 * 1024,
  },
  {
    ...base,
    name: STREAMS.runs,
    subjects: ["ouroboros.run.*.*"],
    max_age: days(90),
    max_bytes: 512 * MB,
    max_msg_size: MAX_EVENT_BYTES,
  },
];

const buckets = Object.values(BUCKETS);

const HISTORY = {
  [BUCKETS.hosts]: 1,
  [BUCKETS.participants]: 10,
  [BUCKETS.held]: 5,
  [BUCKETS.observers]: 1,
  [BUCKETS.ledger]: 1,
  [BUCKETS.looks]: 1,
  [BUCKETS.approvals]: 1,
} as const;

/**
 * Buckets in which a user other than the operator may make as many keys as it likes. Without a limit they could grow
 * until the server's store is full, and it would store nothing more of anybody.
 */
const GROWING: readonly string[] = [BUCKETS.held, BUCKETS.observers, BUCKETS.ledger, BUCKETS.looks];
const MAX_BUCKET_BYTES = 64 * MB;

/**
 * Buckets with limits of their own. Entries that nobody writes again go by age. Where the approvals are full, no new one is
 * stored: nobody can push out what another has refused.
 */
const LIMITED: Readonly<Record<string, object>> = {
  [BUCKETS.approvals]: { max_bytes: MAX_BUCKET_BYTES, max_age: days(365), max_msg_size: 32 * 1024 },
  [BUCKETS.ledger]: { max_bytes: 128 * MB, max_age: days(180), max_msg_size: 32 * 1024 },
  [BUCKETS.looks]: { max_age: days(2), max_msg_size: 1024 },
};

const STREAM_EXISTS_DIFFERENTLY = 10058;

interface WantedStreams {
  /** Number of servers that store each stream; 1 leaves existing streams as they are. */
  readonly replicas?: number;
  readonly leaf?: Leaf | undefined;
}

/** A NATS that is a leaf node: it stores the messages of its hosts, and mirrors its hub's participants and approvals. */
interface Leaf {
  /** JetStream domain of the hub. */
  readonly hub: string;
  readonly hosts: readonly string[];
}

/**
 * Creates or updates what differs from the wanted state.
 * @throws the server's error where the permissions forbid that.
 */
export async function ensureTopology(
  nats: NatsConnection,
  manager: JetStreamManager,
  { replicas = 1, leaf }: WantedStreams = {},
): Promise<void> {
  if (await isHub(manager)) throw new Error(messageOf(natsErrors.hubHasNoHost));
  const copies = replicas > 1 ? { num_replicas: replicas } : {}; // keeps a larger number that was set by hand
  for (const { subjects: streamSubjects, ...stream } of streams)
    await ensureStream(manager, { ...stream, subjects: confineSubjects(streamSubjects, leaf), ...copies });
  if (leaf !== undefined) return ensureLeafBuckets(nats, manager, leaf);
  for (const bucket of buckets)
    await ensureStream(manager, { ...bucketBase(bucket), subjects: [`$KV.${bucket}.>`], ...copies });
}

/**
 * Confines the streams of a leaf node to its own hosts. Messages of other hosts reach it through the hub, and a
 * stream with matching subjects would store and confirm them a second time.
 */
const confineSubjects = (streamSubjects: readonly string[], leaf: Leaf | undefined): string[] =>
  leaf === undefined
    ? [...streamSubjects]
    : leaf.hosts.flatMap((host) => streamSubjects.map((subject) => subject.replace("*", encodeToken(host))));

async function ensureLeafBuckets(nats: NatsConnection, manager: JetStreamManager, leaf: Leaf): Promise<void> {
  const ownSubjects = (bucket: string, suffix: string) =>
    leaf.hosts.map((host) => `$KV.${bucket}.${encodeToken(host)}${suffix}`);
  const { hosts, held, ledger, participants, approvals } = BUCKETS;
  await ensureStream(manager, { ...bucketBase(hosts), subjects: ownSubjects(hosts, "") });
  for (const bucket of [held, ledger])
    await ensureStream(manager, { ...bucketBase(bucket), subjects: ownSubjects(bucket, ".>") });
  const copies = new Kvm(nats);
  for (const name of [participants, approvals]) {
    const found = await findInfo(() => manager.streams.info(streamOf(name)));
    if (found !== undefined && found.config.mirror === undefined)
      throw new Error(messageOf(natsErrors.ownParticipants, { bucket: name }));
    if (found === undefined)
      await copies.create(name, { history: HISTORY[name], mirror: { name, domain: leaf.hub } });
  }
}

/** Creates the observers' bucket, which an earlier version did not make. @throws where the permissions forbid that. */
export async function ensureObserversBucket(manager: JetStreamManager): Promise<void> {
  const bucket = BUCKETS.observers;
  if ((await findInfo(() => manager.streams.info(streamOf(bucket)))) === undefined)
    await ensureStream(manager, { ...bucketBase(bucket), subjects: [`$KV.${bucket}.>`] });
}

/** The stream configuration of a bucket, as the client creates it, without its subjects. */
const bucketBase = (bucket: keyof typeof HISTORY) => ({
  name: streamOf(bucket),
  storage: StorageType.File,
  ...(GROWING.includes(bucket)
    ? { discard: DiscardPolicy.Old, max_bytes: MAX_BUCKET_BYTES }
    : { discard: DiscardPolicy.New }),
  ...LIMITED[bucket],
  max_msgs_per_subject: HISTORY[bucket],
  allow_direct: true,
  ...UNDELETABLE,
});

/** Creates the stream, or updates it where its configuration differs. */
export async function ensureStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { readonly name: string },
): Promise<void> {
  const { config: found } = (await findInfo(() => manager.streams.info(config.name))) ?? {};
  if (found !== undefined && hasConfig(found, config)) return;
  await manager.streams
    .add(config)
    .catch((error: unknown) =>
      updateIfExists(error, STREAM_EXISTS_DIFFERENTLY, () => manager.streams.update(config.name, config)),
    );
}

export const streamOf = (bucket: string): string => `KV_${bucket}`;

/**
 * Creates the streams of a hub: copies of the streams on the NATS of each host (whose JetStream domain is the host's
 * token), and the bucket of the participants. The copies have no subjects, so that each message is stored once, by
 * the host's own NATS. From a host's streams only the messages of that host are copied, whatever else they hold.
 */
export async function ensureHub(
  manager: JetStreamManager,
  { hosts, replicas = 1 }: { readonly hosts: readonly string[]; readonly replicas?: number },
): Promise<void> {
  const copies = replicas > 1 ? { num_replicas: replicas } : {};
  const sourcesFor = async (name: string, subjectsOf: (host: string) => string[]) => {
    const { config: found } = (await findInfo(() => manager.streams.info(name))) ?? {};
    return {
      sources: hosts.flatMap((host) => subjectsOf(host).map((filter) => sourceOf(host, name, filter, found))),
    };
  };
  for (const { subjects: streamSubjects, ...stream } of streams)
    await ensureStream(manager, {
      ...{ ...stream, ...copies },
      ...(await sourcesFor(stream.name, (host) =>
        streamSubjects.map((subject) => subject.replace("*", encodeToken(host))),
      )),
    });
  const { hosts: known, held, ledger, participants, observers, approvals } = BUCKETS;
  await ensureStream(manager, {
    ...{ ...bucketBase(known), ...copies },
    ...(await sourcesFor(streamOf(known), (host) => [`$KV.${known}.${encodeToken(host)}`])),
  });
  for (const bucket of [held, ledger])
    await ensureStream(manager, {
      ...{ ...bucketBase(bucket), ...copies },
      ...(await sourcesFor(streamOf(bucket), (host) => [`$KV.${bucket}.${encodeToken(host)}.>`])),
    });
  for (const bucket of [participants, observers, approvals])
    await ensureStream(manager, { ...{ ...bucketBase(bucket), ...copies }, subjects: [`$KV.${bucket}.>`] });
}

/**
 * The source that copies the messages on `filter_subject` from a host's stream. A copy that was made without a filter
 * continues from now: the server takes another filter for another source and would copy that from its start, so that
 * participants would be asked again.
 */
function sourceOf(host: string, name: string, filter_subject: string, found: StreamConfig | undefined) {
  const api = `$JS.${encodeToken(host)}.API`;
  const before = found?.sources?.find(({ external }) => external?.api === api);
  const start = before && (before.filter_subject ? before.opt_start_time : new Date().toISOString());
  return {
    name,
    ...(start !== undefined && { opt_start_time: start }),
    filter_subject,
    external: { api, deliver: "" },
  };
}

/** Whether this NATS is a hub, whose streams are copies. */
export async function isHub(manager: JetStreamManager): Promise<boolean> {
  const found = await findInfo(() => manager.streams.info(STREAMS.hooks));
  return (found?.config.sources?.length ?? 0) > 0;
}

/** Whether all streams and buckets that updates need exist, whatever their configuration. */
export async function isTopologyThere(manager: JetStreamManager): Promise<boolean> {
  const names = [...Object.values(STREAMS), ...NEEDED_BUCKETS.map(streamOf)];
  const found = await Promise.all(names.map((name) => findInfo(() => manager.streams.info(name))));
  return found.every((info) => info !== undefined);
}

/** Undefined where the stream or consumer does not exist, or the permissions forbid the request. */
export const findInfo = async <Info>(ask: () => Promise<Info>): Promise<Info | undefined> =>
  ask().catch(() => undefined);

/** Compares the wanted fields only, because the server adds fields of its own. */
export const hasConfig = (found: object, wanted: object): boolean =>
  Object.entries(wanted).every(
    ([field, value]) => JSON.stringify((found as Record<string, unknown>)[field]) === JSON.stringify(value),
  );

async function updateIfExists<T>(error: unknown, code: number, update: () => Promise<T>): Promise<unknown> {
  if (error instanceof JetStreamApiError && error.code === code) return update();
  throw error;
}
