// `ouroboros nats-config`: users and permissions for a NATS that several machines share. `write` makes the server's
// configuration, a key for each user and the certificates, and the same for each host that has a NATS of its own.
// `prepare` creates, as the operator, the streams and consumers that the services use. `hub` creates a hub's copies
// of the hosts' streams, and the consumers of those who read them there.
import { join } from "node:path";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { CannotStart, NotDone, WrongUsage, explain } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { usageErrors } from "../../shared/catalogue/usage-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { managerOf } from "../../shared/nats/jetstream-client.ts";
import { observerNames, readsEvents } from "../../shared/contract/observers.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import {
  type DurableConsumer,
  ensureConsumer,
  executorNoticesConsumer,
  hostConsumers,
  observerConsumer,
  readerConsumer,
} from "../../shared/nats/durable-consumers.ts";
import { ensureReserves } from "../../shared/nats/reserve.ts";
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
import { inboxesAtHub, readSeed, writeServerFiles } from "../../nats/server-files.ts";
import { HUB_DOMAIN, type User, userName } from "../../nats/permissions.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, printJson } from "../framework/terminal.ts";

export const runWrite: CommandRunner<"nats-config write"> = async (given, terminal) => {
  const { merged, removedUsers } = await mergeExistingConfig(given);
  const { users, leaves, isShared } = await writeNatsFolder(merged);
  await removeUsers(given.FOLDER, removedUsers);
  const removed = removedUsers.map(userName);
  const names = users.map(userName);
  if (given.json) printJson(terminal, { folder: given.FOLDER, users: names, leaves, removed });
  else {
    const lines = [...names, `${names.length} users written to ${given.FOLDER}`];
    const leafLines = leaves.map((folder) => `${folder} is for the NATS of this host, and its services`);
    const removedLines = removedUsers.map(
      (user) => `${userName(user)} is removed: its key is gone, and ${whenClosed(user)}`,
    );
    terminal.stdout.write([...lines, ...leafLines, ...removedLines].map((line) => `${line}\n`).join(""));
    if (isShared) terminal.stderr.write(SHARED_ACCOUNT_WARNING);
  }
  return 0;
};

/** A server that reads its users anew ends the connections of clients that are no more, but not of leaf nodes. */
const whenClosed = ({ role }: User): string =>
  role === "leaf"
    ? "opens nothing once the server has been restarted: a reload leaves its link open"
    : "opens nothing once the server has reloaded";

/** Merges the given options with what was written before, without the users to be removed. */
async function mergeExistingConfig(
  given: Parameters<CommandRunner<"nats-config write">>[0],
): Promise<{ readonly merged: NatsConfigOptions; readonly removedUsers: readonly User[] }> {
  const { FOLDER: folder, remove, "hub-url": hub } = given;
  const existing = await readExistingConfig(folder);
  checkHubUrl(folder, hub, existing.users);
  const removedUsers = findUsersNamed(existing.users, remove);
  const kept = existing.users.filter((user) => !removedUsers.includes(user));
  const union = (asked: readonly string[], found: readonly string[]) => [...new Set([...found, ...asked])];
  const merged = {
    ...given,
    hosts: union(given.hosts, hostsAmong(kept)),
    participants: union(given.participants, namesInRoles(kept, "participant")),
    watchers: union(given.watchers, namesInRoles(kept, "watcher")),
    readers: union(given.readers, namesInRoles(kept, "reader")),
    observers: union(given.observers, existing.observers ?? observerNames).filter(
      (name) => given.observers.includes(name) || !namesInRoles(removedUsers, "observer").includes(name),
    ),
    "server-names": union(given["server-names"], existing.serverNames),
    "server-folder": given["server-folder"] ?? existing.serverFolder ?? "/etc/nats/secure",
  };
  if (merged.hosts.length === 0) throw new WrongUsage(messageOf(usageErrors.hostsMissing));
  const hostUsers = [...merged.hosts.flatMap(usersOfHost), ...merged.hosts.map(leafUser)];
  const wanted = usersOf(merged, hostUsers).map(userName);
  const conflicts = removedUsers.map(userName).filter((name) => wanted.includes(name));
  if (conflicts.length > 0)
    throw new WrongUsage(messageOf(usageErrors.removeAndAdd, { users: conflicts.join(", ") }));
  const isKept = (name: string): boolean => wanted.includes(name);
  merged["with-password"] = union(given["with-password"], existing.withPassword.filter(isKept));
  return { merged, removedUsers };
}

/**
 * The folder of a hub has other users than that of a NATS that the hosts share.
 * @throws WrongUsage where they are mixed.
 */
function checkHubUrl(folder: string, hub: string, users: readonly User[]): void {
  if (hub === "" && namesInRoles(users, "leaf").length > 0)
    throw new WrongUsage(messageOf(usageErrors.folderOfHub, { folder }));
  if (hub !== "" && namesInRoles(users, "poller", "updater", "exec").length > 0)
    throw new WrongUsage(messageOf(usageErrors.folderOfSharedNats, { folder }));
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

/** The start of a whole set-up depends on `prepare`, and a machine that has just booted may be slow. */
async function withRetries({ clock, signal, stderr }: Terminal, work: () => Promise<void>): Promise<void> {
  const startedAt = clock.monotonic();
  for (let isReported = false; ; isReported = true) {
    try {
      await work();
      return;
    } catch (error) {
      if (
        !(error instanceof CannotStart) ||
        clock.monotonic() - startedAt > PREPARE_WAIT_MS ||
        signal.aborted
      )
        throw error;
      if (!isReported) stderr.write(`${explain(error)}; trying again for ${PREPARE_WAIT_MS / 1000} s\n`);
      await clock.sleep(RETRY_MS, signal);
    }
  }
}

export const runHub: CommandRunner<"nats-config hub"> = async (
  { hosts, readers, replicas, json },
  terminal,
) => {
  await withNats(terminal, async (nats) => {
    const manager = await managerOf(nats);
    await ensureHub(manager, { hosts, replicas });
    await ensureReaders(manager, readers);
  });
  if (json) printJson(terminal, { copied: hosts, readers });
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
  readonly observers: readonly string[];
}
interface NatsConfigOptions extends UserNames {
  readonly FOLDER: string;
  readonly "with-password": readonly string[];
  readonly "server-names": readonly string[];
  /** Path of the folder `nats`, as the server sees it. */
  readonly "server-folder": string;
  /** Empty where the hosts have no NATS of their own. */
  readonly "hub-url": string;
}

interface WrittenFiles {
  readonly users: readonly User[];
  /** Folders of the servers of the hosts that have their own NATS. */
  readonly leaves: readonly string[];
  /** All users share one account, at any of the servers. */
  readonly isShared: boolean;
}

/** Names in every server certificate: the service in compose.yaml, and the server's own machine. */
const DEFAULT_SERVER_NAMES = ["nats", "localhost", "127.0.0.1"];

const OPERATOR: User = { role: "operator", name: "" };
const leafUser = (name: string): User => ({ role: "leaf", name });
const observerUser = (name: string): User => ({ role: "observer", name });

const usersOfHost = (name: string): User[] =>
  (["poller", "updater", "exec"] as const).map((role) => ({ role, name }));

const usersOf = (
  { participants, watchers, readers, observers }: UserNames,
  ofHosts: readonly User[],
): User[] => [
  OPERATOR,
  ...ofHosts,
  ...participants.map((name) => ({ role: "participant" as const, name })),
  ...watchers.map((name) => ({ role: "watcher" as const, name })),
  ...readers.map((name) => ({ role: "reader" as const, name })),
  ...observers.map(observerUser),
];

/** Writes the files of one server, or those of a hub and of a server for each host. */
export async function writeNatsFolder(given: NatsConfigOptions): Promise<WrittenFiles> {
  const { FOLDER: folder, hosts, "hub-url": hub } = given;
  const names = [...new Set([...DEFAULT_SERVER_NAMES, ...given["server-names"]])];
  const hostUsers = hosts.flatMap(usersOfHost);
  const users = usersOf(given, hub === "" ? hostUsers : hosts.map(leafUser));
  checkPasswords(given["with-password"], hub === "" ? users : [...users, ...hostUsers]);
  const base = { authority: folder, withPassword: given["with-password"] };
  const { observers } = given;
  const server = { folder: given["server-folder"] };
  try {
    if (hub === "") {
      const written = await writeServerFiles({ ...base, folder, names, users, observers, server });
      return { users, leaves: [], ...written };
    }
    const hubNames = [...new Set([...names, new URL(hub).hostname.replace(/^\[|\]$/g, "")])];
    const hubServer = { ...server, domain: HUB_DOMAIN, leafnodes: "taken" as const };
    const hubFiles = await writeServerFiles({
      ...{ ...base, folder, names: hubNames, users, observers, server: hubServer },
    });
    const shared = [hubFiles.isShared];
    const askers = [OPERATOR, ...observers.map(observerUser)];
    const inboxesOfHub = await inboxesAtHub({ ...base, folder }, askers, hubFiles.isShared);
    const leaves = hosts.map((host) => join(folder, "leaves", encodeToken(host)));
    for (const [index, host] of hosts.entries()) {
      const leafnodes = { hub, seed: await readSeed(folder, leafUser(host)) };
      const written = await writeServerFiles({
        ...{ ...base, inboxesOfHub },
        // Never the hub's names: with those the server of a host could pass for the hub.
        ...{
          folder: leaves[index] ?? "",
          names: DEFAULT_SERVER_NAMES,
          users: [OPERATOR, ...usersOfHost(host)],
        },
        server: { ...server, domain: encodeToken(host), leafnodes },
      });
      shared.push(written.isShared);
    }
    return { users: [...users, ...hostUsers], leaves, isShared: shared.includes(true) };
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new NotDone(messageOf(commandErrors.folderUnwritable, { folder, because: explain(error) }), {
      cause: error,
    });
  }
}

/** Leaf nodes always use a key, so they get no password. @throws WrongUsage for a name that is no user. */
function checkPasswords(withPassword: readonly string[], users: readonly User[]): void {
  const all = users.filter(({ role }) => role !== "leaf").map(userName);
  const unknown = withPassword.filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw new WrongUsage(
      messageOf(usageErrors.passwordForUnknown, { names: unknown.join(","), known: all.join(", ") }),
    );
}

async function prepareTopology(
  nats: NatsConnection,
  manager: JetStreamManager,
  { hosts, readers, hub }: Pick<UserNames, "hosts" | "readers"> & { readonly hub: string },
): Promise<void> {
  await ensureTopology(nats, manager, hub === "" ? {} : { leaf: { hub, hosts } });
  await ensureReserves(manager, hosts);
  for (const durable of [...hosts.flatMap(hostConsumers), ...hosts.map(executorNoticesConsumer)])
    await ensureConsumer(manager, STREAMS.hooks, durable);
  if (hub === "") await ensureReaders(manager, readers); // of a fleet they read at the hub
}

/** The consumers of the readers, and of the observers that come with Ouroboros. */
async function ensureReaders(manager: JetStreamManager, readers: readonly string[]): Promise<void> {
  const durables: readonly DurableConsumer[] = [
    ...readers.map((name) => readerConsumer(consumers.reader(name))),
    ...observerNames.filter(readsEvents).map(observerConsumer),
  ];
  for (const durable of durables)
    for (const stream of [STREAMS.hooks, STREAMS.runs]) await ensureConsumer(manager, stream, durable);
}
