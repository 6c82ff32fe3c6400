// A NATS server as `ouroboros nats-config` sets it up: what is written for the server, and how each user gets in.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, type NodeConnectionOptions, nkeyAuthenticator, nkeys } from "nats";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";
import { runOperatorCommand } from "./run-operator-command.ts";

/** Of a service's user at NATS. */
export const ROLE_OF = { updater: "updater", "hook-executor": "exec", poller: "poller" } as const;

export interface NatsServerConfig {
  readonly folder: string;
  /** The server's configuration. */
  readonly config: string;
  /** What a user's inbox begins with. */
  readonly inbox: (user: string) => Promise<string>;
  /** The settings of a program that is this user. */
  readonly access: (user: string) => Readonly<Record<string, string>>;
  /** The same for the client. */
  readonly connection: (user: string) => Promise<ConnectionOptions>;
}

export interface NatsConfigFolder extends NatsServerConfig, AsyncDisposable {
  /** Of a hub: what is written for the NATS of a host. */
  readonly leaf: (host: string) => Promise<NatsServerConfig>;
}

/** `args` as for `ouroboros nats-config write FOLDER`. */
export async function writeNatsConfig(...args: readonly string[]): Promise<NatsConfigFolder> {
  return securedIn(await mkdtemp(join(tmpdir(), "secured-")), args);
}

/** The same where a version of Ouroboros has written before that knew one account for all users. */
export const upgradeNatsConfig = (...args: readonly string[]): Promise<NatsConfigFolder> =>
  upgradeNatsConfigAt(["."], args);

/** The same in some `places` only: "." for the hub, leaves/HOST for a leaf node. */
export async function upgradeNatsConfigAt(
  places: readonly string[],
  args: readonly string[],
): Promise<NatsConfigFolder> {
  const folder = await mkdtemp(join(tmpdir(), "secured-"));
  for (const place of places) {
    await mkdir(join(folder, place, "nats"), { recursive: true });
    await writeFile(join(folder, place, "nats", "users.conf"), "authorization {\n  users: []\n}\n");
  }
  return securedIn(folder, args);
}

async function securedIn(folder: string, args: readonly string[]): Promise<NatsConfigFolder> {
  const { code, err } = await runOperatorCommand({}, ["nats-config", "write", folder, ...args]);
  if (code !== 0) throw new Error(err);
  return {
    ...(await placeIn(folder)),
    leaf: (host) => placeIn(join(folder, "leaves", encodeToken(host))),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What is written for a server, read anew. */
export async function placeIn(folder: string): Promise<NatsServerConfig> {
  const read = (...path: string[]) => readFile(join(folder, ...path), "utf8");
  const [server, users] = [await read("nats", "nats.conf"), await read("nats", "users.conf")];
  const ca = join(folder, "ca.pem");
  const seedOf = async (user: string) => new TextEncoder().encode((await read("users", `${user}.nk`)).trim());
  const inbox = async (user: string) => `_INBOX_${nkeys.fromSeed(await seedOf(user)).getPublicKey()}`;
  return {
    folder,
    config: server
      .replace("include users.conf", () => users)
      .replaceAll("/etc/nats/secure", join(folder, "nats"))
      .replace(/^ *(?:http|port|store_dir):.*$/gm, ""),
    inbox,
    access: (user) => ({ NATS_CA: ca, NATS_NKEY_FILE: join(folder, "users", `${user}.nk`) }),
    connection: async (user) => {
      const options: NodeConnectionOptions = {
        authenticator: nkeyAuthenticator(await seedOf(user)),
        inboxPrefix: await inbox(user),
        tls: { caFile: ca },
      };
      return options;
    },
  };
}
