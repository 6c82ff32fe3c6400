// The durable consumers that Ouroboros needs. The updater makes those of its host (idempotent); where its rights forbid
// that, they are only looked for.
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamManager,
} from "@nats-io/jetstream";
import { nanos } from "nats";
import { hookNames } from "../contract/hooks.ts";
import { consumers, executorParticipant, subjects } from "../contract/subjects.ts";
import { hasConfig, findInfo } from "./topology.ts";

const CONSUMER_EXISTS_DIFFERENTLY = new Set([10148, 10105, 10013]);

export type DurableConsumer = Partial<ConsumerConfig> & { readonly durable_name: string };

/** A durable pull consumer on the hook stream that acknowledges each event. */
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
  ...(filters.length === 1 ? { filter_subject: filters[0] ?? "" } : { filter_subjects: [...filters] }),
  ...more,
});

/** Hooks, and no notices. */
const allHooksOf = (host: string): string[] => hookNames.map((hook) => subjects.hooksOf(host, hook));

/** Whom the services of a host take their events from. The executor's is first, so that no event can miss it. */
export const hostConsumers = (host: string): readonly DurableConsumer[] => [
  hookConsumer(consumers.gate(executorParticipant(host)), allHooksOf(host), { max_ack_pending: 64 }),
  hookConsumer(consumers.updater(host), [subjects.hooksOf(host, "updates_enumerated")], {
    deliver_policy: DeliverPolicy.Last,
    max_ack_pending: 1,
    ack_wait: nanos(10_000), // after a crash nothing is published before the plan it had in hand came again
  }),
];

/** For who reads everything, in its own time. */
export const readerConsumer = (durable_name: string): DurableConsumer => ({
  durable_name,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.New,
  ack_wait: nanos(30_000),
  max_deliver: -1,
});

/** Makes the consumer, or gives an existing one this configuration. */
export async function ensureConsumer(
  manager: JetStreamManager,
  stream: string,
  config: DurableConsumer,
): Promise<void> {
  const { config: found } = (await findInfo(() => manager.consumers.info(stream, config.durable_name))) ?? {};
  if (found !== undefined && hasConfig(found, config)) return;
  await manager.consumers.add(stream, config as ConsumerConfig).catch(async (error: unknown) => {
    if (!(error instanceof JetStreamApiError && CONSUMER_EXISTS_DIFFERENTLY.has(error.code))) throw error;
    await manager.consumers.update(stream, config.durable_name, config);
  });
}
