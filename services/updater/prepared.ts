// The streams, buckets and consumers of the updater, made at the start and again when NATS comes back without them.
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { explain } from "../../shared/errors.ts";
import type { Context } from "../../shared/run-service.ts";
import { STREAMS } from "../../shared/subjects.ts";
import { ensureConsumer, ensureTopology, hostConsumers, isTopologyThere } from "../../shared/topology.ts";
import type { Bus } from "./bus.ts";

type Preparing = Pick<Context, "settings" | "log" | "clock" | "signal">;

const AGAIN_MS = 1000;

/** Where rights forbid making them, streams and buckets are only looked for. */
export const prepareNats = (nats: NatsConnection, context: Preparing): Promise<void> =>
  ensured(nats, context, {
    what: "streams and buckets",
    make: (manager) => ensureTopology(nats, manager, context.settings.NATS_REPLICAS),
    isThere: isTopologyThere,
  });

export const ensureHostConsumers = (nats: NatsConnection, context: Preparing, host: string): Promise<void> =>
  ensured(nats, context, {
    what: "the host's consumers",
    make: async (manager) => {
      for (const config of hostConsumers(host)) await ensureConsumer(manager, STREAMS.hooks, config);
    },
    isThere: async (manager) => {
      const names = hostConsumers(host).map(({ durable_name }) => durable_name);
      const infos = names.map((name) => manager.consumers.info(STREAMS.hooks, name));
      return (await Promise.allSettled(infos)).every(({ status }) => status === "fulfilled");
    },
  });

/**
 * A server that comes back without its store has lost streams, buckets and consumers: they are made again, so that
 * the run in hand goes on. Ends with the connection.
 */
export async function keepPrepared({ nats, context, host, comebacks }: Bus): Promise<void> {
  for await (const { type } of nats.status()) {
    if (type !== "reconnect") continue;
    await prepareNats(nats, context);
    await ensureHostConsumers(nats, context, host.name);
    comebacks.count += 1;
  }
}

interface Needed {
  readonly what: string;
  readonly make: (manager: JetStreamManager) => Promise<void>;
  readonly isThere: (manager: JetStreamManager) => Promise<boolean>;
}

/** Made, or found as an operator has made it; waits for either. */
async function ensured(
  nats: NatsConnection,
  { log, clock, signal }: Preparing,
  { what, make, isThere }: Needed,
): Promise<void> {
  const manager = await jetstreamManager(nats, { checkAPI: false, timeout: 5000 });
  for (let told = false; !signal.aborted; told = true) {
    try {
      await make(manager);
      return;
    } catch (error) {
      if (!told) log.warn({ because: explain(error) }, `${what} cannot be made; looking for them`);
      if (await isThere(manager).catch(() => false)) return;
      await clock.sleep(AGAIN_MS, signal);
    }
  }
}
