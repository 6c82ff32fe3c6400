// Opens a host's ledger, and what it shares of its look-ups.
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { BUCKETS } from "../../../shared/contract/subjects.ts";
import { bucketOf } from "../../../shared/nats/jetstream-client.ts";
import type { Host, ServiceContext } from "../../../shared/runtime/run-service.ts";
import type { Registries } from "../registries.ts";
import { Ledger } from "./ledger.ts";
import { SharedLooks } from "./shared-looks.ts";

interface LedgerParts extends Pick<ServiceContext, "log"> {
  readonly context: ServiceContext;
  readonly host: Host;
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly registries: Registries;
}

/** Sends no request: a missing bucket is noticed when it is used. */
export async function openLedger({
  context: { settings, clock },
  host: { name, engine },
  nats,
  manager,
  log,
  registries,
}: LedgerParts): Promise<{ readonly ledger: Ledger; readonly looks: SharedLooks }> {
  const common = { host: name, manager, clock, log };
  return {
    ledger: new Ledger({
      ...common,
      bucket: await bucketOf(nats, BUCKETS.ledger),
      platform: `${engine.os}/${engine.arch}`,
    }),
    looks: new SharedLooks({
      ...{ ...common, bucket: await bucketOf(nats, BUCKETS.looks), believed: settings.SHARE_LOOK_UPS },
      registries: {
        digestsOf: (refs, signal) => registries.digestsOf(refs, signal),
        isLocal: (ref) => registries.isLocal(ref),
        sendsLogin: (registry, signal) => registries.sendsLogin(registry, signal),
        noteAnswer: (familiar, answer, ageMs) => registries.recent.note(familiar, answer, ageMs),
      },
    }),
  };
}
