// The durable consumers that Ouroboros needs. The updater creates those of its host (idempotent); where its
// permissions forbid that, it only checks that they exist.
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamManager,
} from "@nats-io/jetstream";
import { nanos } from "nats";
import { type NoticeName, hookNames, noticeNames } from "../contract/hooks.ts";
import type { ObserverName } from "../contract/observers.ts";
import { consumers, executorParticipant, subjects } from "../contract/subjects.ts";
import { hasConfig, findInfo } from "./topology.ts";

const CONSUMER_EXISTS_DIFFERENTLY = new Set([10148, 10105, 10013]);

export type DurableConsumer = Partial<ConsumerConfig> & { readonly durable_name: string };

/** A durable pull consumer on the hook stream, with explicit acknowledgement. */
export const hookConsumer = (
  durable_name: string,
  filters: readonly string[],
  more: Partial<ConsumerConfig>,
): DurableConsumer => ({
  durable_name,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.New,
  ack_wait: nanos(30_000),
  max_deliver: -1,
  ...filterFields(filters),
  ...more,
});

/** Both fields, because the client keeps what an update does not name. */
const filterFields = ([only, ...more]: readonly string[]): Partial<ConsumerConfig> =>
  ({
    filter_subject: more.length === 0 ? only : undefined,
    filter_subjects: more.length === 0 ? undefined : [only, ...more],
  }) as object;

/**
 * The consumer by which a participant gets notices. It is not the one of its hooks, so a notice never holds up a
 * question. `hosts`: names, or `*` for all.
 */
export const noticesConsumer = (
  participant: string,
  hosts: readonly string[],
  names: readonly NoticeName[],
): DurableConsumer =>
  hookConsumer(
    consumers.notices(participant),
    names.flatMap((name) => hosts.map((host) => subjects.hooksOf(host === "*" ? null : host, name))),
    { max_ack_pending: 16 },
  );

/** The hook-executor's: one notice after the other, in the order in which they were published. */
export const executorNoticesConsumer = (host: string): DurableConsumer => ({
  ...noticesConsumer(executorParticipant(host), [host], noticeNames),
  max_ack_pending: 1,
  ack_wait: nanos(10_000),
});

/** The subjects of all hooks of a host, without the notices. */
const allHooksOf = (host: string): string[] => hookNames.map((hook) => subjects.hooksOf(host, hook));

/** The consumers of the services of a host. The hook-executor's comes first, so that it misses no event. */
export const hostConsumers = (host: string): readonly DurableConsumer[] => [
  hookConsumer(consumers.gate(executorParticipant(host)), allHooksOf(host), { max_ack_pending: 64 }),
  hookConsumer(consumers.updater(host), [subjects.hooksOf(host, "updates_enumerated")], {
    deliver_policy: DeliverPolicy.Last,
    max_ack_pending: 1,
    ack_wait: nanos(10_000), // after a crash nothing is published until the current plan is redelivered
  }),
];

/** A consumer for observers, who read everything at their own pace. */
export const readerConsumer = (durable_name: string): DurableConsumer => ({
  durable_name,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.New,
  ack_wait: nanos(30_000),
  max_deliver: -1,
});

/** How long an observer that comes with Ouroboros may be away and still miss nothing. */
const OBSERVER_AWAY_MS = 7 * 86_400_000;

/** A consumer of an observer that comes with Ouroboros: one that nobody uses is removed by the server. */
export const observerConsumer = (name: ObserverName): DurableConsumer => ({
  ...readerConsumer(consumers.reader(name)),
  inactive_threshold: nanos(OBSERVER_AWAY_MS),
  max_ack_pending: 256,
});

/**
 * Creates the consumer, or updates an existing one to this configuration. Where an existing one began to read cannot be
 * changed.
 */
export async function ensureConsumer(
  manager: JetStreamManager,
  stream: string,
  wanted: DurableConsumer,
): Promise<void> {
  const { config: found } = (await findInfo(() => manager.consumers.info(stream, wanted.durable_name))) ?? {};
  const config = found === undefined ? wanted : withBeginOf(found, wanted);
  if (found !== undefined && hasConfig(found, config)) return;
  await manager.consumers.add(stream, config as ConsumerConfig).catch(async (error: unknown) => {
    if (!(error instanceof JetStreamApiError && CONSUMER_EXISTS_DIFFERENTLY.has(error.code))) throw error;
    await manager.consumers.update(stream, config.durable_name, config);
  });
}

function withBeginOf(
  { deliver_policy, opt_start_time, opt_start_seq }: ConsumerConfig,
  { opt_start_time: _time, opt_start_seq: _seq, ...wanted }: DurableConsumer,
): DurableConsumer {
  return {
    ...wanted,
    deliver_policy,
    ...(opt_start_time !== undefined && { opt_start_time }),
    ...(opt_start_seq !== undefined && { opt_start_seq }),
  };
}
