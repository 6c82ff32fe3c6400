// The streams and buckets that Ouroboros needs. The updater makes them (idempotent); where its rights
// forbid that, they are only looked for.
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { type NatsConnection, nanos } from "nats";
import { MAX_EVENT_BYTES } from "../contract/messages.ts";
import { BUCKETS, STORED, STREAMS } from "../contract/subjects.ts";
import { encodeToken } from "../contract/subject-tokens.ts";

const MB = 1024 * 1024;
const days = (n: number): number => nanos(n * 86_400_000);

/** What was stored is removed by age, size and number only, by nobody's wish. */
const UNDELETABLE = { deny_delete: true, deny_purge: true, allow_rollup_hdrs: false } as const;

const base = {
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  allow_direct: true,
  ...UNDELETABLE,
  // An id that somebody else has used makes the server drop a message: ours have none, and others are safe so soon.
  duplicate_window: nanos(100),
  republish: { src: ">", dest: `${STORED}.>` }, // for users with an account of their own, who hear what is stored
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

const HISTORY = { [BUCKETS.hosts]: 1, [BUCKETS.participants]: 10, [BUCKETS.held]: 5 } as const;

const STREAM_EXISTS_DIFFERENTLY = 10058;

interface WantedStreams {
  /** On how many servers; 1 leaves what is there as it is. */
  readonly replicas?: number;
  readonly leaf?: Leaf | undefined;
}

/** A NATS that is a leaf node: it stores what is of its hosts, and follows who is asked. */
interface Leaf {
  /** JetStream domain of its hub. */
  readonly hub: string;
  readonly hosts: readonly string[];
}

/** What is as it should be is left alone. @throws the server's error where something is not and may not be made so. */
export async function ensureTopology(
  nats: NatsConnection,
  manager: JetStreamManager,
  { replicas = 1, leaf }: WantedStreams = {},
): Promise<void> {
  if (await isHub(manager))
    throw new Error("this NATS is a hub: a host of its fleet has a leaf node of its own");
  const copies = replicas > 1 ? { num_replicas: replicas } : {}; // who made more by hand keeps them
  for (const { subjects: all, ...stream } of streams)
    await ensureStream(manager, { ...stream, subjects: confineSubjects(all, leaf), ...copies });
  if (leaf !== undefined) return ensureLeafBuckets(nats, manager, leaf);
  for (const bucket of buckets)
    await ensureStream(manager, { ...bucketBase(bucket), subjects: [`$KV.${bucket}.>`], ...copies });
}

/**
 * What other hosts publish comes through the hub to a leaf that has a stream for it, and would be stored and confirmed
 * by it too.
 */
const confineSubjects = (all: readonly string[], leaf: Leaf | undefined): string[] =>
  leaf === undefined
    ? [...all]
    : leaf.hosts.flatMap((host) => all.map((one) => one.replace("*", encodeToken(host))));

async function ensureLeafBuckets(nats: NatsConnection, manager: JetStreamManager, leaf: Leaf): Promise<void> {
  const own = (bucket: string, after: string) =>
    leaf.hosts.map((host) => `$KV.${bucket}.${encodeToken(host)}${after}`);
  const { hosts, held, participants } = BUCKETS;
  await ensureStream(manager, { ...bucketBase(hosts), subjects: own(hosts, "") });
  await ensureStream(manager, { ...bucketBase(held), subjects: own(held, ".>") });
  const found = await findInfo(() => manager.streams.info(streamOf(participants)));
  if (found !== undefined && found.config.mirror === undefined)
    throw new Error(
      `${participants} is this NATS' own: add its participants at the hub, then delete it here`,
    );
  const mirror = { name: participants, domain: leaf.hub };
  if (found === undefined)
    await new Kvm(nats).create(participants, { history: HISTORY[participants], mirror });
}

/** A bucket as the client makes it, but for its subjects. */
const bucketBase = (bucket: keyof typeof HISTORY) => ({
  name: streamOf(bucket),
  storage: StorageType.File,
  discard: DiscardPolicy.New,
  max_msgs_per_subject: HISTORY[bucket],
  allow_direct: true,
  ...UNDELETABLE,
});

/** A stream that is as it should be is left alone. */
async function ensureStream(
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

const streamOf = (bucket: string): string => `KV_${bucket}`;

/**
 * What a hub holds: copies of what the NATS of each of these hosts holds (its JetStream domain is the host's token),
 * and who is asked. The copies have no subjects, so that everything is stored once, by the host's own NATS; of each
 * host's streams only what is that host's is copied, whatever they hold.
 */
export async function ensureHub(
  manager: JetStreamManager,
  { hosts, replicas = 1 }: { readonly hosts: readonly string[]; readonly replicas?: number },
): Promise<void> {
  const copies = replicas > 1 ? { num_replicas: replicas } : {};
  const copied = async (name: string, own: (host: string) => string[]) => {
    const { config: found } = (await findInfo(() => manager.streams.info(name))) ?? {};
    return {
      sources: hosts.flatMap((host) => own(host).map((filter) => sourceOf(host, name, filter, found))),
    };
  };
  for (const { subjects: all, ...stream } of streams)
    await ensureStream(manager, {
      ...{ ...stream, ...copies },
      ...(await copied(stream.name, (host) => all.map((one) => one.replace("*", encodeToken(host))))),
    });
  const { hosts: known, held, participants } = BUCKETS;
  await ensureStream(manager, {
    ...{ ...bucketBase(known), ...copies },
    ...(await copied(streamOf(known), (host) => [`$KV.${known}.${encodeToken(host)}`])),
  });
  await ensureStream(manager, {
    ...{ ...bucketBase(held), ...copies },
    ...(await copied(streamOf(held), (host) => [`$KV.${held}.${encodeToken(host)}.>`])),
  });
  await ensureStream(manager, {
    ...{ ...bucketBase(participants), ...copies },
    subjects: [`$KV.${participants}.>`],
  });
}

/**
 * Of what a host's stream holds, what is under `filter_subject`. A copy that was made without a filter goes on from now: to
 * the server another filter is another source, which would be copied from its start, and participants asked anew.
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

/** Whether it holds copies only. */
export async function isHub(manager: JetStreamManager): Promise<boolean> {
  const found = await findInfo(() => manager.streams.info(STREAMS.hooks));
  return (found?.config.sources?.length ?? 0) > 0;
}

/** Everything is there, as it should be or not. */
export async function isTopologyThere(manager: JetStreamManager): Promise<boolean> {
  const names = [...Object.values(STREAMS), ...Object.values(BUCKETS).map(streamOf)];
  const found = await Promise.all(names.map((name) => findInfo(() => manager.streams.info(name))));
  return found.every((info) => info !== undefined);
}

/** Undefined where it is not there, or may not be looked at. */
export const findInfo = async <Info>(ask: () => Promise<Info>): Promise<Info | undefined> =>
  ask().catch(() => undefined);

/** The server adds fields of its own. */
export const hasConfig = (found: object, wanted: object): boolean =>
  Object.entries(wanted).every(
    ([field, value]) => JSON.stringify((found as Record<string, unknown>)[field]) === JSON.stringify(value),
  );

async function updateIfExists<T>(error: unknown, code: number, update: () => Promise<T>): Promise<unknown> {
  if (error instanceof JetStreamApiError && error.code === code) return update();
  throw error;
}
