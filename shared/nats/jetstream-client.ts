// JetStream as every user of NATS may reach it.
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "nats";

const OPTIONS = { timeout: 5000, checkAPI: false } as const; // few may ask for what checkAPI asks

export const jetStreamOf = (nats: NatsConnection): JetStreamClient => jetstream(nats, OPTIONS);

export const managerOf = (nats: NatsConnection): Promise<JetStreamManager> => jetstreamManager(nats, OPTIONS);

/** Asks for nothing: a bucket that is not there fails when it is used. */
export const bucketOf = (nats: NatsConnection, bucket: string): Promise<KV> =>
  new Kvm(jetStreamOf(nats)).open(bucket);
