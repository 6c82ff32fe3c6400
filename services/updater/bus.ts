// What the updater of one host holds of NATS and its Engine, made once and handed down.
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import type { Publishing } from "../../shared/jetstream.ts";
import type { Context, Host } from "../../shared/run-service.ts";
import { BUCKETS } from "../../shared/subjects.ts";
import { Hub } from "./gate/hub.ts";
import { Stall } from "./stall.ts";

export interface Bus extends Publishing {
  readonly context: Context;
  readonly host: Host;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly participants: KV;
  readonly held: KV;
  readonly hosts: KV;
  /** Random for each process and host: the name under which it writes. */
  readonly writer: string;
  /** How often NATS came back; what it had stored may be lost then. */
  readonly comebacks: { count: number };
  readonly hub: Hub;
  readonly patience: Stall;
}

export async function openBus(
  nats: NatsConnection,
  context: Context,
  host: Host,
  writer: string,
): Promise<Bus> {
  const kvm = new Kvm(nats);
  const manager = await jetstreamManager(nats, { checkAPI: false, timeout: 5000 });
  const log = context.log.child({ host: host.name });
  return {
    context: { ...context, log },
    host,
    nats,
    js: jetstream(nats, { timeout: 5000 }),
    manager,
    participants: await kvm.open(BUCKETS.participants),
    held: await kvm.open(BUCKETS.held),
    hosts: await kvm.open(BUCKETS.hosts),
    clock: context.clock,
    signal: context.signal,
    writer,
    comebacks: { count: 0 },
    hub: new Hub(manager, context.settings, context.clock),
    patience: new Stall(log, context.clock),
  };
}
