// `ouroboros nats-config`: users and rights for a NATS that several machines share. `write` makes the server's
// configuration, a key for each user and the certificates, and the same for the NATS of each host where they have one;
// `prepare` makes, as the operator, what the services only use; `hub` the copies of what the hosts hold.
import { join } from "node:path";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { CannotStart, NotDone, WrongUsage, explain } from "../../shared/errors.ts";
import { managerOf } from "../../shared/nats/jetstream-client.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import {
  type DurableConsumer,
  ensureConsumer,
  hostConsumers,
  readerConsumer,
} from "../../shared/nats/durable-consumers.ts";
import { ensureHub, ensureTopology } from "../../shared/nats/topology.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";

import { withNats } from "../fleet/fleet.ts";
import {
  hostsAmong,
  findUsersNamed,
  namesInRoles,
  readExistingConfig,
  removeUsers,
} from "../../nats/existing-config.ts";
import { readOrCreateIdentity, readSeed, writeServerFiles } from "../../nats/server-files.ts";
import { inboxPrefixOf } from "../../nats/server-config-text.ts";
import { HUB_DOMAIN, type User, userName } from "../../nats/permissions.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, printJson } from "../framework/terminal.ts";

export const runWrite: CommandRunner<"nats-config write"> = async (given, terminal) => {
  const { whole, gone } = await mergeExistingConfig(given);
  const { users, leaves, isShared } = await writeNatsFolder(whole);
  await removeUsers(given.FOLDER, gone);
  const removed = gone.map(userName);
  const names = users.map(userName);
  if (given.json) printJson(terminal, { folder: given.FOLDER, users: names, leaves, removed });
  else {
    const lines = [...names, `${names.length} users written to ${given.FOLDER}`];
    const carried = leaves.map((folder) => `${folder} is for the NATS of this host, and its services`);
    const lost = removed.map(
      (name) => `${name} is removed: its key is gone, and opens nothing once the server has reloaded`,
    );
    terminal.stdout.write([...lines, ...carried, ...lost].map((line) => `${line}\n`).join(""));
    if (isShared) terminal.stderr.write(SHARED_ACCOUNT_WARNING);
  }
  return 0;
};

/** What is asked for, and all that was written before but what is to be removed. */
async function mergeExistingConfig(
  given: Parameters<CommandRunner<"nats-config write">>[0],
): Promise<{ readonly whole: NatsConfigOptions; readonly gone: readonly User[] }> {
  const { FOLDER: folder, remove, "hub-url": hub } = given;
  const there = await readExistingConfig(folder);
  checkHubUrl(folder, hub, there.users);
  const gone = findUsersNamed(there.users, remove);
  const kept = there.users.filter((user) => !gone.includes(user));
  const all = (asked: readonly string[], found: readonly string[]) => [...new Set([...found, ...asked])];
  const whole = {
    ...given,
    hosts: all(given.hosts, hostsAmong(kept)),
    participants: all(given.participants, namesInRoles(kept, "participant")),
    watchers: all(given.watchers, namesInRoles(kept, "watcher")),
    readers: all(given.readers, namesInRoles(kept, "reader")),
    "server-names": all(given["server-names"], there.serverNames),
    "server-folder": given["server-folder"] ?? there.serverFolder ?? "/etc/nats/secure",
  };
  if (whole.hosts.length === 0) throw new WrongUsage("--hosts is missing");
  const again = usersOf(whole, [...whole.hosts.flatMap(usersOfHost), ...whole.hosts.map(leafUser)]).map(
    userName,
  );
  const both = gone.map(userName).filter((name) => again.includes(name));
  if (both.length > 0) throw new WrongUsage(`--remove: ${both.join(", ")} is asked for, too`);
  const isKept = (name: string): boolean => again.includes(name);
  whole["with-password"] = all(given["with-password"], there.withPassword.filter(isKept));
  return { whole, gone };
}

/** A hub's folder has other users than that of a NATS that the hosts share. @throws WrongUsage */
function checkHubUrl(folder: string, hub: string, users: readonly User[]): void {
  if (hub === "" && namesInRoles(users, "leaf").length > 0)
    throw new WrongUsage(`${folder} is that of a hub: give --hub-url too`);
  if (hub !== "" && namesInRoles(users, "poller", "updater", "exec").length > 0)
    throw new WrongUsage(
      `${folder} is that of a NATS without leaf nodes, and its users would be dropped: write the hub's into another folder`,
    );
}

export const runPrepare: CommandRunner<"nats-config prepare"> = async (
  { hosts, readers, hub, json },
  terminal,
) => {
  await withRetries(terminal, () =>
    withNats(terminal, async (nats) => prepareTopology(nats, await managerOf(nats), { hosts, readers, hub })),
  );
  if (json) printJson(terminal, { prepared: { hosts, readers } });
  else terminal.stdout.write("prepared\n");
  return 0;
};

const PREPARE_WAIT_MS = 60_000;
const RETRY_MS = 1000;

/** A set-up's start depends on it, and a machine that has just booted may be slow. */
async function withRetries({ clock, signal, stderr }: Terminal, work: () => Promise<void>): Promise<void> {
  const began = clock.monotonic();
  for (let told = false; ; told = true) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof CannotStart) || clock.monotonic() - began > PREPARE_WAIT_MS || signal.aborted)
        throw error;
      if (!told) stderr.write(`${explain(error)}; trying again for ${PREPARE_WAIT_MS / 1000} s\n`);
      await clock.sleep(RETRY_MS, signal);
    }
  }
}

export const runHub: CommandRunner<"nats-config hub"> = async ({ hosts, replicas, json }, terminal) => {
  await withNats(terminal, async (nats) => ensureHub(await managerOf(nats), { hosts, replicas }));
  if (json) printJson(terminal, { copied: hosts });
  else terminal.stdout.write(`hub of ${hosts.join(", ")}\n`);
  return 0;
};

const SHARED_ACCOUNT_WARNING =
  "All users share one account, as an earlier version wrote it: docs/security.md says how to give each an account of its own.\n";

interface UserNames {
  readonly hosts: readonly string[];
  readonly participants: readonly string[];
  readonly watchers: readonly string[];
  readonly readers: readonly string[];
}
interface NatsConfigOptions extends UserNames {
  readonly FOLDER: string;
  readonly "with-password": readonly string[];
  readonly "server-names": readonly string[];
  /** As the server sees the folder `nats`. */
  readonly "server-folder": string;
  /** Empty where the hosts have no NATS of their own. */
  readonly "hub-url": string;
}

interface WrittenFiles {
  readonly users: readonly User[];
  /** The folders of the hosts' servers. */
  readonly leaves: readonly string[];
  /** All users are in one account. */
  readonly isShared: boolean;
}

/** By which a server is always reached: in compose.yaml, and from its own machine. */
const DEFAULT_SERVER_NAMES = ["nats", "localhost", "127.0.0.1"];

const OPERATOR: User = { role: "operator", name: "" };
const leafUser = (name: string): User => ({ role: "leaf", name });

const usersOfHost = (name: string): User[] =>
  (["poller", "updater", "exec"] as const).map((role) => ({ role, name }));

const usersOf = ({ participants, watchers, readers }: UserNames, ofHosts: readonly User[]): User[] => [
  OPERATOR,
  ...ofHosts,
  ...participants.map((name) => ({ role: "participant" as const, name })),
  ...watchers.map((name) => ({ role: "watcher" as const, name })),
  ...readers.map((name) => ({ role: "reader" as const, name })),
];

/** One server, or that of a hub and one for each host. */
export async function writeNatsFolder(given: NatsConfigOptions): Promise<WrittenFiles> {
  const { FOLDER: folder, hosts, "hub-url": hub } = given;
  const names = [...new Set([...DEFAULT_SERVER_NAMES, ...given["server-names"]])];
  const own = hosts.flatMap(usersOfHost);
  const users = usersOf(given, hub === "" ? own : hosts.map(leafUser));
  checkPasswords(given["with-password"], hub === "" ? users : [...users, ...own]);
  const base = { authority: folder, withPassword: given["with-password"] };
  const server = { folder: given["server-folder"] };
  try {
    if (hub === "") {
      return { users, leaves: [], ...(await writeServerFiles({ ...base, folder, names, users, server })) };
    }
    const reached = [...new Set([...names, new URL(hub).hostname.replace(/^\[|\]$/g, "")])];
    const taking = { ...server, domain: HUB_DOMAIN, leafnodes: "taken" as const };
    const hubs = await writeServerFiles({ ...base, folder, names: reached, users, server: taking });
    const shared = [hubs.isShared];
    const isByPassword = given["with-password"].includes(userName(OPERATOR));
    const askers = [inboxPrefixOf(await readOrCreateIdentity(folder, OPERATOR, isByPassword))];
    const leaves = hosts.map((host) => join(folder, "leaves", encodeToken(host)));
    for (const [at, host] of hosts.entries()) {
      const leafnodes = { hub, seed: await readSeed(folder, leafUser(host)) };
      const written = await writeServerFiles({
        ...{ ...base, askers },
        // Never the hub's names: a host's server could pass for the hub.
        ...{ folder: leaves[at] ?? "", names: DEFAULT_SERVER_NAMES, users: [OPERATOR, ...usersOfHost(host)] },
        server: { ...server, domain: encodeToken(host), leafnodes },
      });
      shared.push(written.isShared);
    }
    return { users: [...users, ...own], leaves, isShared: shared.includes(true) };
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new NotDone(`${folder} cannot be written: ${explain(error)}`, { cause: error });
  }
}

/** A leaf node always can use its key. */
function checkPasswords(withPassword: readonly string[], users: readonly User[]): void {
  const all = users.filter(({ role }) => role !== "leaf").map(userName);
  const unknown = withPassword.filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw new WrongUsage(`--with-password ${unknown.join(",")}: users are ${all.join(", ")}`);
}

async function prepareTopology(
  nats: NatsConnection,
  manager: JetStreamManager,
  { hosts, readers, hub }: Pick<UserNames, "hosts" | "readers"> & { readonly hub: string },
): Promise<void> {
  await ensureTopology(nats, manager, hub === "" ? {} : { leaf: { hub, hosts } });
  const wanted: (readonly [stream: string, DurableConsumer])[] = [
    ...hosts.flatMap(hostConsumers).map((durable) => [STREAMS.hooks, durable] as const),
    ...readers.flatMap((name) =>
      [STREAMS.hooks, STREAMS.runs].map(
        (stream) => [stream, readerConsumer(consumers.reader(name))] as const,
      ),
    ),
  ];
  for (const [stream, durable] of wanted) await ensureConsumer(manager, stream, durable);
}
