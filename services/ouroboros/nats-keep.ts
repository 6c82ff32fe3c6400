// What `ouroboros nats-config write` finds in its folder and keeps: users, which of them have a password, the names in the
// server's certificate, and the path by which the server finds it.
import { X509Certificate } from "node:crypto";
import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isToken, token, untoken } from "../../shared/tokens.ts";
import { WrongUsage } from "./command.ts";
import { type RoleName, type User, roleNames, roles, userName } from "./rights.ts";

/** What was written before. */
export interface NatsThere {
  readonly users: readonly User[];
  readonly withPassword: readonly string[];
  readonly serverNames: readonly string[];
  readonly serverFolder: string | undefined;
}

export async function natsIn(folder: string): Promise<NatsThere> {
  const leaves = (await namesIn(join(folder, "leaves"))).map((name) => join(folder, "leaves", name));
  const found = await Promise.all([folder, ...leaves].map(usersIn));
  const conf = await textIn(join(folder, "nats", "nats.conf"));
  return {
    users: found.at(0)?.users ?? [],
    withPassword: [...new Set(found.flatMap(({ withPassword }) => withPassword))],
    serverNames: namesOf(await textIn(join(folder, "nats", "server.pem"))),
    serverFolder: /cert_file: "(.+)\/server\.pem"/.exec(conf)?.[1],
  };
}

/** Names in the order of the alphabet. */
const namesIn = async (folder: string): Promise<string[]> => (await readdir(folder).catch(() => [])).sort();
const textIn = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");

/** `DNS:nats, IP Address:127.0.0.1` */
const namesOf = (certificate: string): string[] =>
  certificate === ""
    ? []
    : (new X509Certificate(certificate).subjectAltName ?? "")
        .split(", ")
        .map((one) => one.replace(/^(?:DNS|IP Address):/, ""));

async function usersIn(
  folder: string,
): Promise<{ readonly users: readonly User[]; readonly withPassword: readonly string[] }> {
  const files = await namesIn(join(folder, "users"));
  const conf = await textIn(join(folder, "nats", "users.conf"));
  const names = [...new Set(files.map((file) => file.replace(/\.(?:nk|password)$/, "")))];
  return {
    users: names.flatMap((name) => userNamed(name) ?? []),
    withPassword: names.filter(
      (name) =>
        files.includes(`${name}.password`) &&
        (!files.includes(`${name}.nk`) || conf.includes(`user: ${JSON.stringify(name)}`)),
    ),
  };
}

function userNamed(name: string): User | undefined {
  for (const role of roleNames) {
    if (roles[role].per === "one" && name === role) return { role, name: "" };
    const rest = name.startsWith(`${role}_`) ? name.slice(role.length + 1) : "";
    if (isToken(rest)) return { role, name: untoken(rest) };
  }
  return undefined;
}

const OF_HOST: readonly RoleName[] = ["poller", "updater", "exec", "leaf"];

export const namesWith = (users: readonly User[], ...wanted: readonly RoleName[]): string[] => [
  ...new Set(users.filter(({ role }) => wanted.includes(role)).map(({ name }) => name)),
];

export const hostsAmong = (users: readonly User[]): string[] => namesWith(users, ...OF_HOST);

/**
 * The users that these words mean: a host's name stands for all of its users, another's name or user name for it.
 * @throws WrongUsage where a word means nobody, or more than one.
 */
export function meantBy(users: readonly User[], words: readonly string[]): User[] {
  return words.flatMap((word) => {
    const ofHost = users.filter(({ role, name }) => OF_HOST.includes(role) && name === word);
    const others = users
      .filter(({ role }) => !OF_HOST.includes(role) && roles[role].per !== "one")
      .filter((user) => user.name === word || userName(user) === word);
    const found = [...(ofHost.length > 0 ? [ofHost] : []), ...others.map((one) => [one])];
    const [only, ...more] = found;
    if (only !== undefined && more.length === 0) return only;
    const there = [
      ...hostsAmong(users),
      ...users.filter((one) => !OF_HOST.includes(one.role) && one.name !== "").map(userName),
    ];
    throw new WrongUsage(
      only === undefined
        ? `--remove ${word}: there are ${there.join(", ") || "none"}`
        : `--remove ${word}: that is ${found.flat().map(userName).join(" or ")}; say which`,
    );
  });
}

/** Their keys and passwords; of a host also the folder of its own NATS. */
export async function removeUsers(folder: string, users: readonly User[]): Promise<void> {
  for (const user of users) {
    for (const kind of ["nk", "password"])
      await rm(join(folder, "users", `${userName(user)}.${kind}`), { force: true });
    if (user.role === "leaf")
      await rm(join(folder, "leaves", token(user.name)), { recursive: true, force: true });
  }
}
