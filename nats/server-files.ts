// Writes the files of one NATS server: its configuration and certificate, and the key or password of each user.
// Existing keys and passwords are kept.
import { NotDone } from "../shared/errors.ts";
import { commandErrors } from "../shared/catalogue/command-errors.ts";
import { messageOf } from "../shared/catalogue/entry.ts";
import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nkeys } from "nats";
import { makeCertificates } from "./certificates.ts";

import { REPLIES, accountsText } from "./accounts-text.ts";
import { observersLine } from "./existing-config.ts";
import { authorizationText } from "./authorization-text.ts";
import {
  STREAMS_ACCOUNT,
  type Identity,
  type ServerConfigOptions,
  inboxPrefixOf,
  serverConfigText,
} from "./server-config-text.ts";
import { type User, inboxSubject, userName } from "./permissions.ts";

export interface ServerFiles {
  readonly folder: string;
  /** The folder of the authority that signs its certificate. */
  readonly authority: string;
  /** Host names and addresses by which clients reach the server. */
  readonly names: readonly string[];
  readonly users: readonly User[];
  /** The subjects on which the users at the hub of this leaf node who send requests receive the answers. */
  readonly inboxesOfHub?: readonly string[];
  /** Names of the observers among the users, where observers connect to this server. */
  readonly observers?: readonly string[];
  /** Names of the users that get a password rather than a key. */
  readonly withPassword: readonly string[];
  readonly server: ServerConfigOptions;
}

/**
 * Writes FOLDER/nats for the server, FOLDER/users for the users, and FOLDER/ca.pem for all. `isShared` is whether all
 * users share one account: a folder of an earlier version stays so, because the streams are in that account.
 */
export async function writeServerFiles(files: ServerFiles): Promise<{ readonly isShared: boolean }> {
  const { folder, authority, names, users, withPassword, server } = files;
  const nats = join(folder, "nats");
  for (const path of [folder, join(folder, "users"), nats])
    await mkdir(path, { recursive: true, mode: 0o700 });
  const identities: [User, Identity][] = [];
  for (const user of users)
    identities.push([user, await readOrCreateIdentity(folder, user, withPassword.includes(userName(user)))]);
  await makeCertificates({ authority, server: nats, names });
  for (const copy of [join(folder, "ca.pem"), join(nats, "ca.pem")])
    if (folder !== authority) await copyFile(join(authority, "ca.pem"), copy);
  const file = join(nats, "users.conf");
  const isShared = /^authorization/m.test(await textIn(file));
  const text = serverConfigText({ ...server, ...(!isShared && { account: STREAMS_ACCOUNT }) });
  await writePrivate(join(nats, "nats.conf"), text); // holds the seed of a leaf node
  // may hold passwords
  const usersText = isShared ? authorizationText(identities, files.inboxesOfHub) : accountsText(identities);
  await writePrivate(
    file,
    `${usersText}${files.observers === undefined ? "" : observersLine(files.observers)}`,
  );
  return { isShared };
}

/** The subjects on which those at a hub who ask the services of hosts receive the answers. */
export async function inboxesAtHub(
  { folder, withPassword }: Pick<ServerFiles, "folder" | "withPassword">,
  askers: readonly User[],
  isShared: boolean,
): Promise<string[]> {
  const inboxes: string[] = isShared ? [] : [REPLIES];
  for (const user of askers) {
    const identity = await readOrCreateIdentity(folder, user, withPassword.includes(userName(user)));
    inboxes.push(inboxSubject(inboxPrefixOf(identity)));
  }
  return inboxes;
}

/** The seed of a user that has a key. */
export const readSeed = async (folder: string, user: User): Promise<string> =>
  (await readFile(keyFile(folder, user), "utf8")).trim();

const keyFile = (folder: string, user: User): string => join(folder, "users", `${userName(user)}.nk`);

/** The identity of the user's existing key or password, else of a new one. */
export async function readOrCreateIdentity(
  folder: string,
  user: User,
  byPassword: boolean,
): Promise<Identity> {
  const name = userName(user);
  const file = byPassword ? join(folder, "users", `${name}.password`) : keyFile(folder, user);
  const existing = (await textIn(file)).trim();
  const secret = existing || (byPassword ? randomBytes(24).toString("base64url") : newSeed());
  if (existing === "") await writePrivate(file, `${secret}\n`);
  if (byPassword) return { user: name, password: secret };
  try {
    return { nkey: nkeys.fromSeed(new TextEncoder().encode(secret)).getPublicKey() };
  } catch (cause) {
    throw new NotDone(messageOf(commandErrors.seedDamaged, { file }), { cause });
  }
}

/** The text of a file; empty where it cannot be read. */
const textIn = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");

const newSeed = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());

async function writePrivate(file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600 });
  await chmod(file, 0o600); // the mode of writeFile does not apply to an existing file
}
