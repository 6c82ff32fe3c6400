// The streams, buckets and consumers that Ouroboros needs. The updater makes them (idempotent); where its rights
// forbid that, they are only looked for.
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { type NatsConnection, nanos } from "nats";
import { MAX_EVENT_BYTES } from "./messages.ts";
import { BUCKETS, STREAMS } from "./subjects.ts";

const MB = 1024 * 1024;
const days = (n: number): number => nanos(n * 86_400_000);

const base = {
  storage: StorageType.File,
  discard: DiscardPolicy.Old,
  allow_direct: true,
  deny_delete: true,
  duplicate_window: nanos(600_000),
} as const;

const streams: readonly (Partial<StreamConfig> & { readonly name: string })[] = [
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

const STREAM_EXISTS_DIFFERENTLY = 10058;
const CONSUMER_EXISTS_DIFFERENTLY = new Set([10148, 10105, 10013]);

/** @throws the server's error where something is missing and may not be made. */
export async function ensureTopology(nats: NatsConnection, manager: JetStreamManager): Promise<void> {
  for (const config of streams) {
    await manager.streams
      .add(config)
      .catch((error: unknown) =>
        onExisting(error, STREAM_EXISTS_DIFFERENTLY, () => manager.streams.update(config.name, config)),
      );
  }
  const kvm = new Kvm(nats);
  await kvm.create(BUCKETS.hosts, { history: 1 });
  await kvm.create(BUCKETS.participants, { history: 10 });
  await kvm.create(BUCKETS.held, { history: 5 });
}

async function onExisting<T>(error: unknown, code: number, update: () => Promise<T>): Promise<unknown> {
  if (error instanceof JetStreamApiError && error.code === code) return update();
  throw error;
}

type Durable = Partial<ConsumerConfig> & { readonly durable_name: string };

/** A durable pull consumer on the hook stream that acknowledges each event. */
export const hookConsumer = (
  durable_name: string,
  filters: readonly string[],
  more: Partial<ConsumerConfig>,
): Durable => ({
  durable_name,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.New,
  ack_wait: nanos(30_000),
  max_deliver: -1,
  ...(filters.length === 1 ? { filter_subject: filters[0] ?? "" } : { filter_subjects: [...filters] }),
  ...more,
});

/** Makes the consumer, or gives an existing one this configuration. */
export async function ensureConsumer(
  manager: JetStreamManager,
  stream: string,
  config: Durable,
): Promise<void> {
  await manager.consumers.add(stream, config as ConsumerConfig).catch(async (error: unknown) => {
    if (!(error instanceof JetStreamApiError && CONSUMER_EXISTS_DIFFERENTLY.has(error.code))) throw error;
    await manager.consumers.update(stream, config.durable_name, config);
  });
}
