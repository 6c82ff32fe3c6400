// What the polling of one host works with.
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import type { Context, Host } from "../../shared/run-service.ts";
import type { NameCensus } from "../../shared/name-census.ts";
import type { FirstStart } from "./first-start.ts";
import type { Mirrors } from "./mirrors.ts";
import type { ImageOrigins } from "./origins.ts";
import type { Registries } from "./registry.ts";

export interface Polling extends Context {
  readonly host: Host;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  /** KV OUROBOROS_HOSTS. */
  readonly hosts: KV;
  /** KV OUROBOROS_HELD. */
  readonly held: KV;
  readonly registries: Registries;
  readonly origins: ImageOrigins;
  readonly mirrors: Mirrors;
  readonly firstStart: FirstStart;
  readonly census: NameCensus;
}
