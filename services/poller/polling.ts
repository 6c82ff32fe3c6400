// What the poller's parts share for one host: connections, buckets, and what is remembered between cycles.
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import type { ServiceContext, Host } from "../../shared/runtime/run-service.ts";
import type { ContainerNames } from "../../shared/runtime/container-names.ts";
import type { SharedLooks } from "./ledger/shared-looks.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { FirstStart } from "./first-start.ts";
import type { Mirrors } from "./mirrors.ts";
import type { ImageOrigins } from "./image-origins.ts";
import type { Registries } from "./registries.ts";
import type { SeenContainers } from "./seen-containers.ts";

export interface Polling extends ServiceContext {
  readonly host: Host;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  /** KV OUROBOROS_HOSTS. */
  readonly hosts: KV;
  readonly registries: Registries;
  readonly origins: ImageOrigins;
  readonly mirrors: Mirrors;
  readonly ledger: Ledger;
  readonly looks: SharedLooks;
  readonly seen: SeenContainers;
  readonly firstStart: FirstStart;
  readonly census: ContainerNames;
  /** RFC 3339; null where no further cycle is scheduled. */
  readonly nextPollAt?: () => string | null;
}
