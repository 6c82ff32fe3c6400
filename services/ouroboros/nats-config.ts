// `ouroboros nats-config`: users and rights for a NATS that several machines share. `write` makes the server's
// configuration, a key for each user and the certificates; `prepare` makes, as the operator, what the services only use.
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, nkeys } from "nats";
import { explain } from "../../shared/errors.ts";
import { STREAMS, consumers } from "../../shared/subjects.ts";
import {
  type Durable,
  ensureConsumer,
  ensureHub,
  ensureTopology,
  hostConsumers,
  readerConsumer,
} from "../../shared/topology.ts";
import { makeCertificates } from "./certificates.ts";
import { NotDone, WrongUsage } from "./command.ts";
import { withNats } from "./fleet.ts";
import { type Identity, serverText, usersText } from "./nats-server-text.ts";
import { type User, userName } from "./rights.ts";
import type { Run } from "./run-command.ts";
import { printJson } from "./terminal.ts";

export const runWrite: Run<"nats-config write"> = async (given, terminal) => {
  const users = await write(given);
  if (given.json) printJson(terminal, { folder: given.FOLDER, users: users.map(userName) });
  else
    terminal.stdout.write(
      `${users.map((user) => `${userName(user)}\n`).join("")}${users.length} users written to ${given.FOLDER}\n`,
    );
  return 0;
};

export const runPrepare: Run<"nats-config prepare"> = async ({ hosts, readers, json }, terminal) => {
  await withNats(terminal, (nats) => prepare(nats, { hosts, readers }));
  if (json) printJson(terminal, { prepared: { hosts, readers } });
  else terminal.stdout.write("prepared\n");
  return 0;
};

export const runHub: Run<"nats-config hub"> = async ({ hosts, replicas, json }, terminal) => {
  await withNats(terminal, async (nats) =>
    ensureHub(nats, await jetstreamManager(nats, { checkAPI: false }), { hosts, replicas }),
  );
  if (json) printJson(terminal, { copied: hosts });
  else terminal.stdout.write(`hub of ${hosts.join(", ")}\n`);
  return 0;
};

interface Names {
  readonly hosts: readonly string[];
  readonly participants: readonly string[];
  readonly watchers: readonly string[];
  readonly readers: readonly string[];
}
interface Writing extends Names {
  readonly FOLDER: string;
  readonly "with-password": readonly string[];
  readonly "server-names": readonly string[];
  /** As the server sees the folder `nats`. */
  readonly "server-folder": string;
}

const usersOf = ({ hosts, participants, watchers, readers }: Names): User[] => [
  { role: "operator", name: "" },
  ...hosts.flatMap((name) => (["poller", "updater", "exec"] as const).map((role) => ({ role, name }))),
  ...participants.map((name) => ({ role: "participant" as const, name })),
  ...watchers.map((name) => ({ role: "watcher" as const, name })),
  ...readers.map((name) => ({ role: "reader" as const, name })),
];

async function write(given: Writing): Promise<User[]> {
  const { FOLDER: folder, "with-password": withPassword, "server-names": serverNames } = given;
  const users = usersOf(given);
  const unknown = withPassword.filter((name) => !users.some((user) => userName(user) === name));
  if (unknown.length > 0)
    throw new WrongUsage(`--with-password ${unknown.join(",")}: users are ${users.map(userName).join(", ")}`);
  const places = { users: join(folder, "users"), server: join(folder, "nats") };
  try {
    for (const place of [folder, places.users, places.server])
      await mkdir(place, { recursive: true, mode: 0o700 });
    const known: [User, Identity][] = [];
    for (const user of users)
      known.push([user, await identify(places.users, user, withPassword.includes(userName(user)))]);
    await makeCertificates({ authority: folder, server: places.server, names: serverNames });
    await writePrivate(join(places.server, "nats.conf"), serverText(given["server-folder"]));
    await writePrivate(join(places.server, "users.conf"), usersText(known)); // may hold passwords
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new NotDone(`${folder} cannot be written: ${explain(error)}`, { cause: error });
  }
  return users;
}

/** What the user has already, else a new one. */
async function identify(folder: string, user: User, byPassword: boolean): Promise<Identity> {
  const name = userName(user);
  const file = join(folder, `${name}.${byPassword ? "password" : "nk"}`);
  const kept = (await readFile(file, "utf8").catch(() => "")).trim();
  const secret = kept || (byPassword ? randomBytes(24).toString("base64url") : newSeed());
  if (kept === "") await writePrivate(file, `${secret}\n`);
  if (byPassword) return { user: name, password: secret };
  try {
    return { nkey: nkeys.fromSeed(new TextEncoder().encode(secret)).getPublicKey() };
  } catch (cause) {
    throw new NotDone(`${file} holds no seed of a user's nkey; remove it to have a new one made`, {
      cause,
    });
  }
}

const newSeed = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());

async function writePrivate(file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600 });
  await chmod(file, 0o600); // it may have been there
}

async function prepare(
  nats: NatsConnection,
  { hosts, readers }: Pick<Names, "hosts" | "readers">,
): Promise<void> {
  const manager = await jetstreamManager(nats, { checkAPI: false });
  await ensureTopology(nats, manager);
  const wanted: (readonly [stream: string, Durable])[] = [
    ...hosts.flatMap(hostConsumers).map((durable) => [STREAMS.hooks, durable] as const),
    ...readers.flatMap((name) =>
      [STREAMS.hooks, STREAMS.runs].map(
        (stream) => [stream, readerConsumer(consumers.reader(name))] as const,
      ),
    ),
  ];
  for (const [stream, durable] of wanted) await ensureConsumer(manager, stream, durable);
}
