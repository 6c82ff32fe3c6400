// Opens JetStream clients that work with the permissions of any user of Ouroboros.
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "nats";

const OPTIONS = { timeout: 5000, checkAPI: false } as const; // few users may send the requests of checkAPI

export const jetStreamOf = (nats: NatsConnection): JetStreamClient => jetstream(nats, OPTIONS);

export const managerOf = (nats: NatsConnection): Promise<JetStreamManager> => jetstreamManager(nats, OPTIONS);

/** Sends no request: a missing bucket fails only when it is used. */
export const bucketOf = (nats: NatsConnection, bucket: string): Promise<KV> =>
  new Kvm(jetStreamOf(nats)).open(bucket);
