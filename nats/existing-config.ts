// Reads what `ouroboros nats-config write` finds in its folder and keeps: the users, which of them have a password,
// the names in the server's certificate, and the server's path to it.
import { WrongUsage } from "../shared/errors.ts";
import { usageErrors } from "../shared/catalogue/usage-errors.ts";
import { messageOf } from "../shared/catalogue/entry.ts";
import { X509Certificate } from "node:crypto";
import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isToken, encodeToken, decodeToken } from "../shared/contract/subject-tokens.ts";

import { type RoleName, type User, roleNames, roles, userName } from "./permissions.ts";

export interface ExistingConfig {
  readonly users: readonly User[];
  readonly withPassword: readonly string[];
  /** Names of the observers; undefined where an earlier version wrote the folder, which knew none or all of them. */
  readonly observers: readonly string[] | undefined;
  readonly serverNames: readonly string[];
  readonly serverFolder: string | undefined;
}

export async function readExistingConfig(folder: string): Promise<ExistingConfig> {
  const leaves = (await listNames(join(folder, "leaves"))).map((name) => join(folder, "leaves", name));
  const found = await Promise.all([folder, ...leaves].map(readUsers));
  const conf = await textIn(join(folder, "nats", "nats.conf"));
  const observers = OBSERVERS_LINE.exec(await textIn(join(folder, "nats", "users.conf")))?.[1];
  return {
    users: found.at(0)?.users ?? [],
    withPassword: [...new Set(found.flatMap(({ withPassword }) => withPassword))],
    observers: observers?.split(" ").filter((name) => name !== ""),
    serverNames: certificateNames(await textIn(join(folder, "nats", "server.pem"))),
    serverFolder: /cert_file: "(.+)\/server\.pem"/.exec(conf)?.[1],
  };
}

/** In users.conf: without it nobody could tell who was removed from who was not known yet. */
const OBSERVERS_LINE = /^# observers: ?(.*)$/m;
export const observersLine = (names: readonly string[]): string => `# observers: ${names.join(" ")}\n`;

/** The names in the folder, sorted; none where it does not exist. */
const listNames = async (folder: string): Promise<string[]> => (await readdir(folder).catch(() => [])).sort();
const textIn = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");

/** `DNS:nats, IP Address:127.0.0.1` */
const certificateNames = (certificate: string): string[] =>
  certificate === ""
    ? []
    : (new X509Certificate(certificate).subjectAltName ?? "")
        .split(", ")
        .map((name) => name.replace(/^(?:DNS|IP Address):/, ""));

async function readUsers(
  folder: string,
): Promise<{ readonly users: readonly User[]; readonly withPassword: readonly string[] }> {
  const files = await listNames(join(folder, "users"));
  const conf = await textIn(join(folder, "nats", "users.conf"));
  const names = [...new Set(files.map((file) => file.replace(/\.(?:nk|password)$/, "")))];
  return {
    users: names.flatMap((name) => parseUserName(name) ?? []),
    withPassword: names.filter(
      (name) =>
        files.includes(`${name}.password`) &&
        (!files.includes(`${name}.nk`) || conf.includes(`user: ${JSON.stringify(name)}`)),
    ),
  };
}

function parseUserName(name: string): User | undefined {
  for (const role of roleNames) {
    if (roles[role].per === "one" && name === role) return { role, name: "" };
    const rest = name.startsWith(`${role}_`) ? name.slice(role.length + 1) : "";
    if (isToken(rest)) return { role, name: decodeToken(rest) };
  }
  return undefined;
}

const HOST_ROLES: readonly RoleName[] = ["poller", "updater", "exec", "leaf"];

export const namesInRoles = (users: readonly User[], ...wanted: readonly RoleName[]): string[] => [
  ...new Set(users.filter(({ role }) => wanted.includes(role)).map(({ name }) => name)),
];

export const hostsAmong = (users: readonly User[]): string[] => namesInRoles(users, ...HOST_ROLES);

/**
 * Finds the users that these words name: the name of a host stands for all users of the host; any other user is named
 * by its name or its user name.
 * @throws WrongUsage where a word names no user, or is ambiguous.
 */
export function findUsersNamed(users: readonly User[], words: readonly string[]): User[] {
  return words.flatMap((word) => {
    const hostUsers = users.filter(({ role, name }) => HOST_ROLES.includes(role) && name === word);
    const others = users
      .filter(({ role }) => !HOST_ROLES.includes(role) && roles[role].per !== "one")
      .filter((user) => user.name === word || userName(user) === word);
    const found = [...(hostUsers.length > 0 ? [hostUsers] : []), ...others.map((user) => [user])];
    const [only, ...more] = found;
    if (only !== undefined && more.length === 0) return only;
    const known = [
      ...hostsAmong(users),
      ...users.filter((user) => !HOST_ROLES.includes(user.role) && user.name !== "").map(userName),
    ];
    throw new WrongUsage(
      only === undefined
        ? messageOf(usageErrors.removeUnknown, { word, known: known.join(", ") || "none" })
        : messageOf(usageErrors.removeAmbiguous, { word, users: found.flat().map(userName).join(" or ") }),
    );
  });
}

/** Removes the users' keys and passwords, and for a host also the folder of its own NATS. */
export async function removeUsers(folder: string, users: readonly User[]): Promise<void> {
  for (const user of users) {
    for (const kind of ["nk", "password"])
      await rm(join(folder, "users", `${userName(user)}.${kind}`), { force: true });
    if (user.role === "leaf")
      await rm(join(folder, "leaves", encodeToken(user.name)), { recursive: true, force: true });
  }
}
