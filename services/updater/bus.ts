// What the updater of one host holds of NATS and its Engine, made once and handed down.
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import type { Publishing } from "../../shared/jetstream.ts";
import type { Context, Host } from "../../shared/run-service.ts";
import { BUCKETS } from "../../shared/subjects.ts";

export interface Bus extends Publishing {
  readonly context: Context;
  readonly host: Host;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly participants: KV;
  readonly held: KV;
  /** Random for each process and host: the name under which it writes. */
  readonly writer: string;
  /** How often NATS came back; what it had stored may be lost then. */
  readonly comebacks: { count: number };
}

export async function openBus(
  nats: NatsConnection,
  context: Context,
  host: Host,
  writer: string,
): Promise<Bus> {
  const kvm = new Kvm(nats);
  return {
    context: { ...context, log: context.log.child({ host: host.name }) },
    host,
    nats,
    js: jetstream(nats, { timeout: 5000 }),
    manager: await jetstreamManager(nats, { checkAPI: false, timeout: 5000 }),
    participants: await kvm.open(BUCKETS.participants),
    held: await kvm.open(BUCKETS.held),
    clock: context.clock,
    signal: context.signal,
    writer,
    comebacks: { count: 0 },
  };
}
