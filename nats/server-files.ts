// The files of one NATS server: its configuration and certificate, and what each of its users gets in with. What is there
// of keys is kept.
import { NotDone } from "../shared/errors.ts";
import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nkeys } from "nats";
import { makeCertificates } from "./certificates.ts";

import { accountsText } from "./accounts-text.ts";
import { authorizationText } from "./authorization-text.ts";
import {
  STREAMS_ACCOUNT,
  type Identity,
  type ServerConfigOptions,
  serverConfigText,
} from "./server-config-text.ts";
import { type User, userName } from "./permissions.ts";

export interface ServerFiles {
  readonly folder: string;
  /** The folder of the authority that signs its certificate. */
  readonly authority: string;
  /** By which its clients reach it. */
  readonly names: readonly string[];
  readonly users: readonly User[];
  /** What inboxes begin with of those who ask from the hub of this leaf node. */
  readonly askers?: readonly string[];
  /** Names of those who get a password. */
  readonly withPassword: readonly string[];
  readonly server: ServerConfigOptions;
}

/**
 * FOLDER/nats for the server, FOLDER/users for the users, FOLDER/ca.pem for all. Resolves with whether all users share one
 * account: where an earlier version wrote it so, because the streams are in that account.
 */
export async function writeServerFiles(place: ServerFiles): Promise<{ readonly isShared: boolean }> {
  const { folder, authority, names, users, withPassword, server } = place;
  const nats = join(folder, "nats");
  for (const one of [folder, join(folder, "users"), nats]) await mkdir(one, { recursive: true, mode: 0o700 });
  const known: [User, Identity][] = [];
  for (const user of users)
    known.push([user, await readOrCreateIdentity(folder, user, withPassword.includes(userName(user)))]);
  await makeCertificates({ authority, server: nats, names });
  for (const copy of [join(folder, "ca.pem"), join(nats, "ca.pem")])
    if (folder !== authority) await copyFile(join(authority, "ca.pem"), copy);
  const file = join(nats, "users.conf");
  const isShared = /^authorization/m.test(await textIn(file));
  const text = serverConfigText({ ...server, ...(!isShared && { account: STREAMS_ACCOUNT }) });
  await writePrivate(join(nats, "nats.conf"), text); // a leaf node's holds its seed
  await writePrivate(file, isShared ? authorizationText(known, place.askers) : accountsText(known)); // may hold passwords
  return { isShared };
}

/** Of a user that has a key. */
export const readSeed = async (folder: string, user: User): Promise<string> =>
  (await readFile(keyFile(folder, user), "utf8")).trim();

const keyFile = (folder: string, user: User): string => join(folder, "users", `${userName(user)}.nk`);

/** What the user has already, else a new one. */
export async function readOrCreateIdentity(
  folder: string,
  user: User,
  byPassword: boolean,
): Promise<Identity> {
  const name = userName(user);
  const file = byPassword ? join(folder, "users", `${name}.password`) : keyFile(folder, user);
  const kept = (await textIn(file)).trim();
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

/** Empty where there is none. */
const textIn = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");

const newSeed = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());

async function writePrivate(file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600 });
  await chmod(file, 0o600); // it may have been there
}
