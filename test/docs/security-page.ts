/** docs/security.md: roles and rights, from the table that makes the server's configuration and that the tests prove. */
import { type Right, type Rights, roleNames, roles } from "../../services/ouroboros/rights.ts";

const EXAMPLE = {
  host: "web01",
  participant: "backup",
  reader: "exporter",
  watcher: "dashboard",
  one: "",
} as const;

export function securityPage(): string {
  const overview = roleNames.map((name) => {
    const { says, per } = roles[name];
    return [`[${code(name)}](#${name})`, per === "one" ? "one" : `one for each ${per}`, says];
  });
  return `<!-- Printed by \`npm run docs\` from a table in the code; edit that. -->

# Security

Without \`NATS_URL\` Ouroboros starts a NATS of its own that listens on loopback only and lets nobody in but Ouroboros.
With \`compose.yaml\` the services share a NATS that is closed from the first start: \`nats-config compose\` makes users, keys
and certificates, and each service has a volume with its own key and nothing else (\`/run/secure\`). Nothing is published, and
who reaches the network without a key is not let in. The operator's commands run where the operator's key is:
\`docker compose exec updater ouroboros status\`; \`ouroboros doctor\` there says what is weak. After a change of OUROBOROS_HOST
or WEBHOOK_NAME run \`docker compose up -d --force-recreate\`: NATS reads its users when it starts. To have new keys made,
stop everything and remove the volumes whose names end in \`keys\`.

As soon as other machines are to reach NATS, make its keys yourself:

\`\`\`sh
docker run --rm -v "$PWD/secure:/secure" ghcr.io/ouroboros-updater/ouroboros:2 \\
  nats-config write /secure --hosts home --participants backup --watchers dashboard
OUROBOROS_HOST=home docker compose -f compose.yaml -f compose.secure.yaml up -d
\`\`\`

${code("ouroboros nats-config --help")} says what is written and where. Each user has an nkey, whose secret half is in one
file, or a password where its program cannot use nkeys (${code("--with-password")}). A program needs
\`NATS_URL=tls://…\`, \`NATS_CA\` and \`NATS_NKEY_FILE\`, and a host's name in \`OUROBOROS_HOST\`. To add a host or a
participant, write again with all names and reload the server (\`docker compose kill -s HUP nats\`), then
\`ouroboros nats-config prepare\` for a host or reader, \`ouroboros participant add\` for a participant.

## Roles

${table(["Role", "Users", "What it does"], overview)}

Every user may listen on its own inbox: subjects that begin with \`_INBOX_\` and its public key (its name, where it has a
password). Clients are told so: \`nats --inbox-prefix=_INBOX_…\`, \`inboxPrefix\` in Node, \`inbox_prefix\` in Python.

${roleNames.map(section).join("\n\n")}

## What follows from it

- A participant, by what it publishes itself, answers for itself only. It cannot publish an event, make or change a consumer,
  read or delete what is stored, hear another's answers, or listen to what it was not asked.
- A host's users cannot publish, answer, or write the journal for another host under their own subjects. They can read: an
  updater may read the streams of the whole fleet, so who must not know what runs elsewhere needs a NATS (or an account) of
  its own.
- A plan only names containers of the host that it is for. Which image is pulled follows from the container itself, so
  that a forged plan can at most have a container updated to what its own tag points to, after all who must be asked.
- What decides is stored: events, verdicts and journal cannot be deleted one by one, not even by the operator.
- Environment variables of containers, and secrets in settings, are never in events, verdicts, the journal or logs.

## What the rights do not stop

NATS checks the subject that is published on, never the reply subject that a request names, and answers wherever that
points. So a key goes further than its table says:

- Poller and updater may answer requests. Whoever holds such a key can send itself a request with any reply subject,
  and so publish on subjects that are not its own, another host's among them.
- The server's acknowledgement of a message can be sent to any subject. On a verdict subject it is no verdict; on an API
  subject of JetStream NATS 2.10 carries it out, 2.15 does not.
- Streams are shared: whoever may publish can fill them, and old messages give way.

Give keys only to machines and programs that you trust alike, and take a newer NATS than 2.10 where participants are not yours.
Hosts that must not reach each other need a NATS each.

## Many hosts

Hosts with a NATS of their own, which go on while the fleet's is out of reach: [leaf nodes](leaf-nodes.md). With
\`--hub-url\` \`nats-config write\` makes the users of both, the hub's and each host's.

Users in a file need a reload for each new host. NATS' operator mode with a scoped signing key needs none: the same
rights, with \`{{name()}}\` for the host, are given by the key that signs the user. \`NATS_CREDS_FILE\` is for that; the inbox is
then \`_INBOX_\` and the user's public key too.
`;
}

function section(name: (typeof roleNames)[number]): string {
  const { per, rights, says } = roles[name];
  const example = EXAMPLE[per];
  const { publish, deny = [], subscribe, answers }: Rights = rights(example, ["…"]);
  const rows = [
    ...rowsOf("publish", publish),
    ...rowsOf("**not** publish", deny),
    ...rowsOf("hear", subscribe),
    ...(answers ? [["answer", "each request that it gets, once", "what it was asked"]] : []),
  ];
  const title = example === "" ? "" : ` (here: ${code(example)})`;
  return `### ${name}\n\n${says.charAt(0).toUpperCase()}${says.slice(1)}${title}.\n\n${table(["May", "Subject", "For"], rows.length > 0 ? rows : [["nothing", "", ""]])}`;
}

const rowsOf = (may: string, rights: readonly Right[]): string[][] =>
  rights.map(({ subject, why }) => [may, code(subject), why]);

const code = (text: string): string => `\`${text}\``;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
