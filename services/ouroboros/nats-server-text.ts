// The text of a NATS server's configuration, from the table of roles. Pure.
import { type Right, type Rights, type User, inboxOf, roles, userName } from "./rights.ts";

/** How a user shows who it is: the server knows the public half of its key, or its password. */
export type Identity = { readonly nkey: string } | { readonly user: string; readonly password: string };

/** What the inbox of a user begins with: its public key, or its name. */
export const identityOf = (it: Identity): string => ("nkey" in it ? it.nkey : it.user);

const HEAD = "# Written by `ouroboros nats-config`, which writes it anew.\n";

export interface ServerOptions {
  /** Where it finds its certificates. */
  readonly folder: string;
  /** Of one that leaf nodes are involved with: its JetStream domain, which is its name too. */
  readonly domain?: string;
  /** Takes leaf nodes, or is one of the hub at this address, with this seed. */
  readonly leafnodes?: "taken" | { readonly hub: string; readonly seed: string };
}

/** For a server in a container: its store is /data. */
export const serverText = ({ folder, domain, leafnodes }: ServerOptions): string => `${HEAD}
server_name: ${JSON.stringify(domain ?? "ouroboros")}
port: 4222
http: "127.0.0.1:8222"  # for the healthcheck; has no authentication, so it stays on loopback
max_payload: 1MB
jetstream {${domain === undefined ? "" : `\n  domain: ${JSON.stringify(domain)}`}
  store_dir: /data
  sync_interval: always  # what was confirmed survives a power cut
  max_file_store: 4GB
  max_memory_store: 64MB
}
${tlsText(folder)}
${leafnodes === undefined ? "" : `${leafText(folder, leafnodes)}\n`}include users.conf
`;

const tlsText = (folder: string): string => `tls {
  cert_file: ${JSON.stringify(`${folder}/server.pem`)}
  key_file: ${JSON.stringify(`${folder}/server-key.pem`)}
}`;

const leafText = (folder: string, leafnodes: NonNullable<ServerOptions["leafnodes"]>): string =>
  leafnodes === "taken"
    ? `leafnodes {\n  listen: "0.0.0.0:7422"\n  ${tlsText(folder).replaceAll("\n", "\n  ")}\n}`
    : `leafnodes {
  reconnect: 1s
  remotes: [ {
    url: ${JSON.stringify(leafnodes.hub)}
    nkey: ${leafnodes.seed}  # secret: keep this file to its owner
    tls { ca_file: ${JSON.stringify(`${folder}/ca.pem`)} }
  } ]
}`;

/** `authorization`: one user for each line of work; who is not listed may not connect. */
export function usersText(users: readonly (readonly [User, Identity])[]): string {
  const askers = users
    .filter(([{ role }]) => role === "operator" || role === "participant")
    .map(([, identity]) => identityOf(identity));
  const lines = users.map(([user, identity]) => userText(user, identity, askers));
  return `${HEAD}\nauthorization {\n  users: [\n${lines.join("")}  ]\n}\n`;
}

function userText(user: User, identity: Identity, askers: readonly string[]): string {
  const { says, rights } = roles[user.role];
  const who = Object.entries(identity).map(([field, value]) => `${field}: ${JSON.stringify(value)}`);
  const may = permissions(rights(user.name, askers), identity);
  return `    # ${userName(user)}: ${says}\n    { ${who.join(", ")}, permissions: {\n${may}    } }\n`;
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
