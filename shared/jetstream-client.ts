// JetStream as a user of NATS reaches it: where users have an account of their own, its API is under a prefix of its own.
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import type { NatsSettings } from "./nats.ts";

type Reached = Pick<NatsSettings, "NATS_API_PREFIX">;

const optionsFor = ({ NATS_API_PREFIX: apiPrefix }: Reached) => ({
  apiPrefix,
  timeout: 5000,
  checkAPI: false, // few may ask for what it asks
});

export const jetStreamOf = (nats: NatsConnection, settings: Reached): JetStreamClient =>
  jetstream(nats, optionsFor(settings));

export const managerOf = (nats: NatsConnection, settings: Reached): Promise<JetStreamManager> =>
  jetstreamManager(nats, optionsFor(settings));

/** Asks for nothing: a bucket that is not there fails when it is used. */
export const bucketOf = (nats: NatsConnection, settings: Reached, bucket: string): Promise<KV> =>
  new Kvm(jetStreamOf(nats, settings)).open(bucket);
