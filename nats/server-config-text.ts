// Prints the configuration of a NATS server, except for its users (accounts-text.ts, authorization-text.ts). Pure.

/** How a user authenticates: the server knows the public half of its key, or its password. */
export type Identity = { readonly nkey: string } | { readonly user: string; readonly password: string };

/** The prefix of a user's inbox: its public key, or its name. */
export const inboxPrefixOf = (identity: Identity): string =>
  "nkey" in identity ? identity.nkey : identity.user;

/** The account of streams, buckets, consumers and the operator. */
export const STREAMS_ACCOUNT = "OUROBOROS";

/**
 * How long a client may take to encrypt and to log in. The server's own 2 s are too short for a busy or small machine: its
 * clients would be cut off, and each would notice only after its own timeout.
 */
export const HANDSHAKE_TIMEOUT_S = 10;

export const FILE_HEADER = "# Written by `ouroboros nats-config`, which writes it anew.\n";

export interface ServerConfigOptions {
  /** The folder with the certificates, as the server sees it. */
  readonly folder: string;
  /** JetStream domain and name of a hub or a leaf node; undefined for a single server. */
  readonly domain?: string;
  /** `taken` for a hub that accepts leaf nodes; else this server is a leaf node of that hub, with that seed. */
  readonly leafnodes?: "taken" | { readonly hub: string; readonly seed: string };
  /** The account that a leaf node shares with its hub; undefined where all users share one account. */
  readonly account?: string;
}

/** For a server in a container, whose store is /data. */
export const serverConfigText = ({
  folder,
  domain,
  leafnodes,
  account,
}: ServerConfigOptions): string => `${FILE_HEADER}
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
${leafnodes === undefined ? "" : `${leafText(folder, leafnodes, account)}\n`}include users.conf
`;

const tlsText = (folder: string): string => `tls {
  cert_file: ${JSON.stringify(`${folder}/server.pem`)}
  key_file: ${JSON.stringify(`${folder}/server-key.pem`)}
  timeout: ${HANDSHAKE_TIMEOUT_S}  # seconds; for logging in, one more
}`;

const leafText = (
  folder: string,
  leafnodes: NonNullable<ServerConfigOptions["leafnodes"]>,
  account: string | undefined,
): string =>
  leafnodes === "taken"
    ? `leafnodes {\n  listen: "0.0.0.0:7422"\n  ${tlsText(folder).replaceAll("\n", "\n  ")}\n}`
    : `leafnodes {
  reconnect: 1s
  remotes: [ {
    url: ${JSON.stringify(leafnodes.hub)}
    nkey: ${leafnodes.seed}  # secret: keep this file to its owner${account === undefined ? "" : `\n    account: ${account}`}
    tls { ca_file: ${JSON.stringify(`${folder}/ca.pem`)}, timeout: ${HANDSHAKE_TIMEOUT_S} }
  } ]
}`;
