// The text of a NATS server's configuration, from the table of roles. Pure.
import { type Right, type Rights, type User, inboxOf, roles, userName } from "./rights.ts";

/** How a user shows who it is: the server knows the public half of its key, or its password. */
export type Identity = { readonly nkey: string } | { readonly user: string; readonly password: string };

/** What the inbox of a user begins with: its public key, or its name. */
export const identityOf = (it: Identity): string => ("nkey" in it ? it.nkey : it.user);

const HEAD = "# Written by `ouroboros nats-config`, which writes it anew.\n";

/** For a server in a container: its store is /data; `folder` is where the certificates are. */
export const serverText = (folder: string): string => `${HEAD}
server_name: ouroboros
port: 4222
http: "127.0.0.1:8222"  # for the healthcheck; has no authentication, so it stays on loopback
max_payload: 1MB
jetstream {
  store_dir: /data
  sync_interval: always  # what was confirmed survives a power cut
  max_file_store: 4GB
  max_memory_store: 64MB
}
tls {
  cert_file: ${JSON.stringify(`${folder}/server.pem`)}
  key_file: ${JSON.stringify(`${folder}/server-key.pem`)}
}
include users.conf
`;

/** `authorization`: one user for each line of work; who is not listed may not connect. */
export const usersText = (users: readonly (readonly [User, Identity])[]): string =>
  `${HEAD}\nauthorization {\n  users: [\n${users.map(([user, identity]) => userText(user, identity)).join("")}  ]\n}\n`;

function userText(user: User, identity: Identity): string {
  const { says, rights } = roles[user.role];
  const who = Object.entries(identity).map(([field, value]) => `${field}: ${JSON.stringify(value)}`);
  return `    # ${userName(user)}: ${says}\n    { ${who.join(", ")}, permissions: {\n${permissions(rights(user.name), identity)}    } }\n`;
}

function permissions({ publish, deny = [], subscribe, answers }: Rights, identity: Identity): string {
  const inbox = inboxOf(identityOf(identity));
  const heard = [...new Set([...subscribe.map(({ subject }) => subject), inbox])];
  const lines = [
    publish.length === 0
      ? 'publish: { deny: [ ">" ] }'
      : `publish: { allow: ${list(publish)}${deny.length > 0 ? `, deny: ${list(deny)}` : ""} }`,
    `subscribe: { allow: ${listOf(heard)} }`,
    ...(answers ? ['allow_responses: { max: 1, expires: "10m" }'] : []),
  ];
  return lines.map((line) => `      ${line}\n`).join("");
}

const list = (rights: readonly Right[]): string => listOf([...new Set(rights.map(({ subject }) => subject))]);
const listOf = (subjects: readonly string[]): string =>
  `[\n${subjects.map((subject) => `        ${JSON.stringify(subject)}\n`).join("")}      ]`;
