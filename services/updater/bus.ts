// The shared dependencies of one host's updater: NATS, its buckets, the Engine's lease, the hub. Made once by run.ts
// and passed down.
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import { bucketOf, jetStreamOf, managerOf } from "../../shared/nats/jetstream-client.ts";
import type { PublishContext } from "../../shared/nats/jetstream.ts";
import type { ServiceContext, Host } from "../../shared/runtime/run-service.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { Hub } from "./gate/hub.ts";
import type { EngineLease } from "./lease/engine-lease.ts";
import { OutageLog } from "./outage-log.ts";

export interface Bus extends PublishContext {
  readonly context: ServiceContext;
  readonly host: Host;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly held: KV;
  readonly hosts: KV;
  /** Random for each process and host; names this updater in the records that it writes. */
  readonly writer: string;
  /** Only the updater that holds this lease may change anything on the Engine. */
  readonly lease: EngineLease;
  /** How often NATS came back. Each time, what it had stored may be lost. */
  readonly reconnects: { count: number };
  readonly hub: Hub;
  readonly patience: OutageLog;
}

export async function openBus(
  nats: NatsConnection,
  context: ServiceContext,
  host: Host,
  identity: Pick<Bus, "writer" | "lease">,
): Promise<Bus> {
  const { settings } = context;
  const manager = await managerOf(nats);
  const log = context.log.child({ host: host.name });
  return {
    context: { ...context, log },
    host,
    nats,
    js: jetStreamOf(nats),
    manager,
    held: await bucketOf(nats, BUCKETS.held),
    hosts: await bucketOf(nats, BUCKETS.hosts),
    clock: context.clock,
    signal: context.signal,
    ...identity,
    reconnects: { count: 0 },
    hub: new Hub(manager, settings, context.clock),
    patience: new OutageLog(log, context.clock),
  };
}
