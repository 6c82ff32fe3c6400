// The time by which the ledger counts: that of the NATS server, so that hosts agree on it.
import { STREAMS, consumers } from "../../../shared/contract/subjects.ts";
import { getServerTime } from "../../../shared/nats/jetstream.ts";
import type { Polling } from "../polling.ts";

/** Milliseconds since 1970; this machine's time where the server does not tell. */
export const ledgerTime = async ({ manager, host, clock }: Pick<Polling, "manager" | "host" | "clock">) =>
  (await getServerTime(manager, STREAMS.hooks, consumers.updater(host.name)).catch(() => undefined)) ??
  clock.now();
