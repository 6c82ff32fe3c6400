// A hub and what a NATS of each host needs that is a leaf node of it, as `ouroboros nats-config` writes them. The leaf nodes
// reach the hub through a relay that can be cut.
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { jetstream } from "@nats-io/jetstream";
import { type NatsConnection, connect } from "nats";
import { HUB_DOMAIN } from "../../nats/permissions.ts";
import type { CloudEvent } from "../../shared/contract/messages.ts";
import { STREAMS } from "../../shared/contract/subjects.ts";
import { type NatsOptions, type NatsServer, startNats } from "../bed/bed.ts";
import { runOperatorCommand } from "./run-operator-command.ts";
import { type Relay, relayTo } from "./relay.ts";
import {
  type NatsConfigFolder,
  type NatsServerConfig,
  placeIn,
  upgradeNatsConfigAt,
} from "./nats-config-folder.ts";

const LEAVES = 7422;

export interface LeafFleet extends AsyncDisposable {
  readonly keys: NatsConfigFolder;
  readonly hub: NatsServer;
  readonly link: Relay;
  /** Closed with the fleet. */
  readonly enter: (server: NatsServer, place: NatsServerConfig, user: string) => Promise<NatsConnection>;
  /** Ended with the fleet. What the operators make at the hub and at the host is not made yet. */
  readonly startLeaf: (host: string) => Promise<NatsServer>;
  /** Writes the hub's folder again, with `args` as for `ouroboros nats-config write`, and restarts the hub. */
  readonly rewrite: (...args: readonly string[]) => Promise<void>;
}

interface FleetOptions {
  /** As for `ouroboros nats-config write`. */
  readonly more?: readonly string[];
  /** Folders where an earlier version wrote one account for all: "." for the hub's, leaves/HOST. */
  readonly shared?: readonly string[];
}

export async function leafFleet(
  version: NonNullable<NatsOptions["version"]>,
  hosts: readonly string[],
  participants: readonly string[],
  { more = [], shared = [] }: FleetOptions = {},
): Promise<LeafFleet> {
  const opened: AsyncDisposable[] = [];
  const opens = <T extends AsyncDisposable>(one: T): T => {
    opened.unshift(one);
    return one;
  };
  const link = opens(await relayTo(LEAVES));
  const names = ["--hosts", hosts.join(","), "--participants", participants.join(",")];
  const url = ["--hub-url", `tls://127.0.0.1:${link.port}`];
  const keys = opens(await upgradeNatsConfigAt(shared, [...names, ...more, ...url]));
  const listen = `listen: "127.0.0.1:${LEAVES}", advertise: "127.0.0.1:${link.port}"`;
  const listening = ({ config }: NatsServerConfig) => config.replace('listen: "0.0.0.0:7422"', () => listen);
  const hub = opens(await startNats({ version, config: listening(keys) }));
  return {
    ...{ keys, hub, link },
    enter: async ({ url }, place, user) => {
      const lasting = { servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 };
      const nats = await connect({ ...lasting, ...(await place.connection(user)) });
      opens({ [Symbol.asyncDispose]: () => nats.close() });
      return nats;
    },
    rewrite: async (...args) => {
      const { code, err } = await runOperatorCommand({}, [
        "nats-config",
        "write",
        keys.folder,
        ...url,
        ...args,
      ]);
      if (code !== 0) throw new Error(err);
      await writeFile(join(dirname(hub.log), "nats.conf"), listening(await placeIn(keys.folder)));
      await hub.restart();
    },
    startLeaf: async (host) => opens(await startNats({ version, config: (await keys.leaf(host)).config })),
    [Symbol.asyncDispose]: async () => {
      for (const one of opened) await one[Symbol.asyncDispose]();
    },
  };
}

/** What the operators make, at the hub for all hosts and at each host's own NATS. */
export async function prepareFleet(
  { keys, hub }: LeafFleet,
  leaves: Readonly<Record<string, NatsServer>>,
): Promise<void> {
  const hosts = Object.keys(leaves);
  await operate(hub, keys, "hub", "--hosts", hosts.join(","));
  for (const [host, server] of Object.entries(leaves))
    await operate(server, await keys.leaf(host), "prepare", "--hosts", host, "--hub", HUB_DOMAIN);
}

async function operate(
  { url }: NatsServer,
  place: NatsServerConfig,
  ...words: readonly string[]
): Promise<void> {
  const env = { NATS_URL: url, ...place.access("operator") };
  const { code, err } = await runOperatorCommand(env, ["nats-config", ...words]);
  if (code !== 0) throw new Error(`nats-config ${words.join(" ")}: ${err}`);
}

/** Ids of all events at the hub, as one who reads them from the stream gets them. */
export function readEvents(nats: NatsConnection): readonly string[] {
  const ids: string[] = [];
  void (async () => {
    const consumer = await jetstream(nats).consumers.get(STREAMS.hooks);
    for await (const message of await consumer.consume()) ids.push(message.json<CloudEvent>().id);
  })().catch(() => undefined); // ends with the connection
  return ids;
}
