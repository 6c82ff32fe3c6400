// Creates the updater's streams, buckets and consumers at startup, and again when NATS comes back without them.
import { type ConsumerInfo, JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { CannotStart, explain } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { natsErrors } from "../../shared/catalogue/nats-errors.ts";
import { managerOf } from "../../shared/nats/jetstream-client.ts";
import { findConsumersAhead, recreateConsumers } from "../../shared/nats/consumers-ahead.ts";
import type { ServiceContext } from "../../shared/runtime/run-service.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import { STREAMS } from "../../shared/contract/subjects.ts";
import { ensureConsumer, hostConsumers } from "../../shared/nats/durable-consumers.ts";
import { ensureTopology, isTopologyThere } from "../../shared/nats/topology.ts";
import type { Bus } from "./bus.ts";

type TopologyContext = Pick<ServiceContext, "settings" | "log" | "clock" | "signal">;

const RETRY_MS = 1000;
const CHECK_INTERVAL_MS = 15_000;
/** nats-server, server/errors.json */
const NO_SUCH_CONSUMER = 10014;

/** Creates the streams and buckets. Where permissions forbid that, waits until somebody has created them. */
export const prepareNats = (nats: NatsConnection, context: TopologyContext): Promise<void> =>
  ensureOrAwait(nats, context, {
    what: "streams and buckets",
    make: (manager) =>
      ensureTopology(nats, manager, {
        replicas: context.settings.NATS_REPLICAS,
        leaf: leafOf(context.settings),
      }),
    isThere: isTopologyThere,
  });

/** @throws CannotStart where a host has no name: the names select what a leaf node stores. */
function leafOf({ NATS_HUB: hub, OUROBOROS_HOST: hosts, DOCKER_SOCKETS: engines }: Settings) {
  if (hub === "") return undefined;
  if (hosts.length < engines.length) throw new CannotStart(messageOf(natsErrors.hubNeedsHostName));
  return { hub, hosts };
}

export const ensureHostConsumers = (
  nats: NatsConnection,
  context: TopologyContext,
  host: string,
): Promise<void> =>
  ensureOrAwait(nats, context, {
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
 * A server that comes back without its store has lost streams, buckets and consumers. Creates them again, so that the
 * current run can go on. Returns when the connection closes.
 */
export async function restoreTopologyOnReconnect({ nats, context, host, reconnects }: Bus): Promise<void> {
  for await (const { type } of nats.status()) {
    if (type !== "reconnect") continue;
    await prepareNats(nats, context);
    await ensureHostConsumers(nats, context, host.name);
    reconnects.count += 1;
  }
}

/**
 * Recreates a consumer that somebody deleted or that is ahead of its stream: without its consumer the updater
 * receives no plan. Returns when the service stops.
 */
export async function maintainConsumers(bus: Bus): Promise<void> {
  const { clock, log, signal } = bus.context;
  for (let lastError = ""; !signal.aborted;) {
    try {
      await repairConsumers(bus);
      lastError = "";
    } catch (error) {
      const because = explain(error);
      if (because !== lastError && !signal.aborted)
        log.debug({ because }, "consumers could not be looked at");
      lastError = because;
    }
    await clock.sleep(CHECK_INTERVAL_MS, signal);
  }
}

async function repairConsumers({ manager, context, host, nats }: Bus): Promise<void> {
  const infos: ConsumerInfo[] = [];
  for (const { durable_name: consumer } of hostConsumers(host.name)) {
    try {
      infos.push(await manager.consumers.info(STREAMS.hooks, consumer));
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === NO_SUCH_CONSUMER)) throw error;
      context.log.warn({ consumer }, "a consumer is gone; it is made again");
      await ensureHostConsumers(nats, context, host.name);
    }
  }
  const ahead = await findConsumersAhead(manager, STREAMS.hooks, infos);
  if (ahead.length === 0) return;
  const about = { stream: STREAMS.hooks, consumers: ahead.map(({ name }) => name) };
  context.log.warn(about, "messages were lost; consumers that are ahead of them are made anew");
  await recreateConsumers(manager, STREAMS.hooks, ahead).catch((error: unknown) => {
    const remedy =
      "consumers could not be made anew: delete them and restart the updater, or no update is taken";
    context.log.error({ ...about, because: explain(error) }, remedy);
  });
}

const REMEDY = "as the operator, run `ouroboros nats-config prepare --hosts` with the name of this host";

interface TopologyPart {
  readonly what: string;
  readonly make: (manager: JetStreamManager) => Promise<void>;
  readonly isThere: (manager: JetStreamManager) => Promise<boolean>;
}

/** Resolves when the part exists, created here or by an operator. Retries until then. */
async function ensureOrAwait(
  nats: NatsConnection,
  { log, clock, signal }: TopologyContext,
  { what, make, isThere }: TopologyPart,
): Promise<void> {
  const manager = await managerOf(nats);
  for (let isLogged = false; !signal.aborted; isLogged = true) {
    try {
      await make(manager);
      return;
    } catch (error) {
      if (error instanceof CannotStart) throw error;
      if (await isThere(manager).catch(() => false)) return;
      if (!isLogged)
        log.warn(
          { because: explain(error), mend: REMEDY },
          `${what} are not there and cannot be made; waiting`,
        );
      await clock.sleep(RETRY_MS, signal);
    }
  }
}
