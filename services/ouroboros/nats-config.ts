// `ouroboros nats-config`: users and rights for a NATS that several machines share. `write` makes the server's
// configuration, a key for each user and the certificates; `prepare` makes, as the operator, what the services only use.
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { jetstreamManager } from "@nats-io/jetstream";
import { nkeys } from "nats";
import { pino } from "pino";
import { CannotStart, explain } from "../../shared/errors.ts";
import { connectNats, natsAnswers } from "../../shared/nats.ts";
import { isReserved } from "../../shared/participants.ts";
import { readSettings } from "../../shared/read-settings.ts";
import type { Settings } from "../../shared/settings.ts";
import { STREAMS, consumers } from "../../shared/subjects.ts";
import {
  type Durable,
  ensureConsumer,
  ensureTopology,
  hostConsumers,
  readerConsumer,
} from "../../shared/topology.ts";
import { makeCertificates } from "./certificates.ts";
import { type Identity, serverText, usersText } from "./nats-server-text.ts";
import { WrongUsage } from "./participant-command.ts";
import { type User, userName } from "./rights.ts";

const USAGE = `Users and rights for a NATS that several machines share.

Usage:
  ouroboros nats-config write FOLDER --hosts HOST[,HOST...] [--participants NAME[,NAME...]] [--watchers NAME[,NAME...]]
                                     [--readers NAME[,NAME...]] [--with-password USER[,USER...]]
                                     [--server-names NAME[,NAME...]] [--server-folder PATH]
  ouroboros nats-config prepare --hosts HOST[,HOST...] [--readers NAME[,NAME...]]

write puts into FOLDER
  nats/               nats.conf, users.conf and the certificate: for the server, which sees it as --server-folder
                      (/etc/nats/secure by default)
  ca.pem, ca-key.pem  the authority that clients trust, and its key: keep that one off the machines
  users/USER.nk       the nkey of each user (NATS_NKEY_FILE); only its public half is in users.conf
  users/USER.password instead, for those who cannot use nkeys (--with-password; NATS_USER, NATS_PASSWORD_FILE)
Users are operator, and for each host poller_HOST, updater_HOST and exec_HOST; participant_NAME, watcher_NAME,
reader_NAME. Keys that are there are kept: write again with all names to add one, then reload the server.
The server is reached by one of --server-names (nats, localhost and 127.0.0.1 by default).

prepare, as the operator (NATS_URL, NATS_CA, NATS_NKEY_FILE), makes streams, buckets and the consumers of the hosts and
readers named; the services may use them, but not make them. Participants are added with \`ouroboros participant add\`.
`;

interface Process {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: { readonly write: (text: string) => unknown };
  readonly stderr: { readonly write: (text: string) => unknown };
}

/** Resolves with the exit code: 0; 1 where it could not be done; 2 where the command makes no sense. */
export async function natsConfig(args: readonly string[], { env, stdout, stderr }: Process): Promise<number> {
  try {
    stdout.write(await carryOut(parse(args), env));
    return 0;
  } catch (error) {
    if (!(error instanceof WrongUsage || error instanceof CannotStart)) throw error;
    stderr.write(`ouroboros nats-config: ${error.message}\n`);
    return error instanceof WrongUsage ? 2 : 1;
  }
}

interface Names {
  readonly hosts: readonly string[];
  readonly participants: readonly string[];
  readonly watchers: readonly string[];
  readonly readers: readonly string[];
}
type Command =
  | { readonly do: "help" }
  | ({ readonly do: "prepare" } & Names)
  | ({ readonly do: "write"; readonly folder: string } & Names & Server);
interface Server {
  readonly withPassword: readonly string[];
  readonly serverNames: readonly string[];
  /** As the server sees the folder `nats`. */
  readonly serverFolder: string;
}

const text = { type: "string" } as const;
const options = {
  ...{ hosts: text, participants: text, watchers: text, readers: text, "with-password": text },
  "server-names": { ...text, default: "nats,localhost,127.0.0.1" },
  "server-folder": { ...text, default: "/etc/nats/secure" },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** @throws WrongUsage */
function parse(args: readonly string[]): Command {
  const { values, positionals } = parsed(args);
  const [verb, ...words] = positionals;
  if (values.help || args.length === 0) return { do: "help" };
  const names = {
    hosts: listed(values.hosts),
    participants: listed(values.participants),
    watchers: listed(values.watchers),
    readers: listed(values.readers),
  };
  if (names.hosts.length === 0) throw new WrongUsage("--hosts is missing");
  const reserved = names.participants.filter(isReserved);
  if (reserved.length > 0)
    throw new WrongUsage(`--participants ${reserved.join(",")}: reserved for parts of Ouroboros`);
  if (verb === "prepare" && words.length === 0) return { do: "prepare", ...names };
  const [folder, ...more] = words;
  if (verb !== "write" || folder === undefined || more.length > 0)
    throw new WrongUsage(`${positionals.join(" ")}: allowed are write FOLDER, prepare`);
  return {
    do: "write",
    folder,
    ...names,
    withPassword: listed(values["with-password"]),
    serverNames: listed(values["server-names"]),
    serverFolder: values["server-folder"],
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw new WrongUsage((cause as Error).message, { cause });
  }
}

const listed = (given = ""): string[] => [
  ...new Set(
    given
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  ),
];

/** Gives what is to be printed. */
async function carryOut(command: Command, env: NodeJS.ProcessEnv): Promise<string> {
  switch (command.do) {
    case "help":
      return USAGE;
    case "write":
      return write(command);
    case "prepare":
      await prepare(command, readSettings(env, new Map()));
      return "prepared\n";
  }
}

const usersOf = ({ hosts, participants, watchers, readers }: Names): User[] => [
  { role: "operator", name: "" },
  ...hosts.flatMap((name) => (["poller", "updater", "exec"] as const).map((role) => ({ role, name }))),
  ...participants.map((name) => ({ role: "participant" as const, name })),
  ...watchers.map((name) => ({ role: "watcher" as const, name })),
  ...readers.map((name) => ({ role: "reader" as const, name })),
];

async function write(command: Command & { do: "write" }): Promise<string> {
  const { folder, withPassword, serverNames, serverFolder } = command;
  const users = usersOf(command);
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
    await writePrivate(join(places.server, "nats.conf"), serverText(serverFolder));
    await writePrivate(join(places.server, "users.conf"), usersText(known)); // may hold passwords
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new CannotStart(`${folder} cannot be written: ${explain(error)}`, { cause: error });
  }
  return `${users.map((user) => `${userName(user)}\n`).join("")}${users.length} users written to ${folder}\n`;
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
    throw new CannotStart(`${file} holds no seed of a user's nkey; remove it to have a new one made`, {
      cause,
    });
  }
}

const newSeed = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());

async function writePrivate(file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600 });
  await chmod(file, 0o600); // it may have been there
}

async function prepare({ hosts, readers }: Names, settings: Settings): Promise<void> {
  if (settings.NATS_URL === "") throw new CannotStart("NATS_URL is not set: which NATS is to be prepared?");
  if (!(await natsAnswers(settings)))
    throw new CannotStart("the NATS at NATS_URL does not answer, or refuses the credentials given");
  const nats = await connectNats("nats-config", settings, pino({ level: "silent" }));
  try {
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
  } catch (cause) {
    throw new CannotStart(`NATS could not be prepared: ${explain(cause)}`, { cause });
  } finally {
    await nats.close();
  }
}
