// What the updater of one host holds of NATS and its Engine, made once and handed down.
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import { bucketOf, jetStreamOf, managerOf } from "../../shared/jetstream-client.ts";
import type { Publishing } from "../../shared/jetstream.ts";
import type { Context, Host } from "../../shared/run-service.ts";
import { BUCKETS } from "../../shared/subjects.ts";
import { Hub } from "./gate/hub.ts";
import type { EngineLease } from "./lease/engine-lease.ts";
import { Stall } from "./stall.ts";

export interface Bus extends Publishing {
  readonly context: Context;
  readonly host: Host;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly held: KV;
  readonly hosts: KV;
  /** Random for each process and host: the name under which it writes. */
  readonly writer: string;
  /** Who holds it may touch what is on the Engine. */
  readonly lease: EngineLease;
  /** How often NATS came back; what it had stored may be lost then. */
  readonly comebacks: { count: number };
  readonly hub: Hub;
  readonly patience: Stall;
}

export async function openBus(
  nats: NatsConnection,
  context: Context,
  host: Host,
  own: Pick<Bus, "writer" | "lease">,
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
    ...own,
    comebacks: { count: 0 },
    hub: new Hub(manager, settings, context.clock),
    patience: new Stall(log, context.clock),
  };
}
