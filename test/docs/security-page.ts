/** docs/security.md: roles and rights, from the table that makes the server's configuration and that the tests prove. */
import { type Permission, type Permissions, roleNames, roles } from "../../nats/permissions.ts";
import { adversaries } from "../support/adversaries.ts";
import { adversary, attacks, attackNames, targets } from "../support/adversary.ts";

const code = (text: string): string => `\`${text}\``;

const EXAMPLE = {
  host: "web01",
  participant: "backup",
  reader: "archive",
  observer: "dashboard",
  watcher: "dashboard",
  one: "",
} as const;

/** Roles that confine a user: the operator's does not, and a leaf node's is tried elsewhere. */
const TRYING = roleNames.filter((role) => adversaries.some((user) => user.role === role));

/** A row for each means, with how many messages it takes each role. */
function attempts(): string[][] {
  const all = targets(adversaries);
  return attackNames.map((name) => [
    name,
    ...TRYING.map((role) => {
      const user = adversaries.find((one) => one.role === role);
      return user === undefined ? "" : String(attacks[name](adversary(user, all)).length);
    }),
  ]);
}

const ADVERSARY = "nats/adversary.test.ts";

/** Who or what, what is promised, and the tests, below `test`, that fail without it. */
export const PROMISES: readonly (readonly [who: string, promise: string, tests: readonly string[]])[] = [
  ["who reaches NATS and has no key", "is not let in", [ADVERSARY, "end-to-end/compose.test.ts"]],
  [
    "a participant's key",
    "answers for this participant only: it stores, changes, removes and hears nothing else, and decides nothing for others",
    [ADVERSARY, "end-to-end/permissions.test.ts"],
  ],
  ["a watcher's or a reader's key", "changes nothing", [ADVERSARY]],
  [
    "the key of an observer that comes with Ouroboros",
    "changes only what this observer remembers; Home Assistant's also asks for updates, and the dashboard's decides what waits, as their users do",
    [ADVERSARY],
  ],
  [
    "who knows PUSH_SECRET, or has the key of the push endpoint",
    "has hosts ask the registries about images that they run, each at most every 30 s, and does nothing else; who only reaches the endpoint does not even that",
    [
      ADVERSARY,
      "services/push/serve.test.ts",
      "services/push/read-notification.test.ts",
      "services/poller/hints.test.ts",
    ],
  ],
  [
    "the keys of a host",
    "publish events, verdicts of its hook-executor, journal and records of this host only; give commands to this host's services only",
    [ADVERSARY, "end-to-end/permissions.test.ts"],
  ],
  [
    "a host's own NATS, a leaf node of a hub, with all its keys",
    "publishes at the hub on this host's subjects only; the hub copies nothing else from it; it is removed alone",
    ["nats/leaf-permissions.test.ts"],
  ],
  [
    "a key, whose holder knows what others will publish next",
    "keeps none of it from being stored, by message ids, roll-ups or what it stores first",
    [ADVERSARY],
  ],
  [
    "a key, whose holder fills streams and buckets with all that it may publish",
    "ends, stops and repeats no update of another host, and stores no more than the room of a stream ([Room](#what-is-not-promised))",
    [
      ADVERSARY,
      "nats/reserve.test.ts",
      "end-to-end/room.test.ts",
      "services/updater/gate/gate.test.ts",
      "services/updater/journal/journal.test.ts",
    ],
  ],
  [
    "who writes a host's journal or a plan for it",
    "has no image run but one that the host's own records, or the container's own tag, name; containers that the host's filters leave alone stay",
    ["end-to-end/identity.test.ts"],
  ],
  [
    "who writes a host's journal or its entries",
    "changes nothing of what the dashboard shows of another host; it leaves out what cannot be read",
    ["services/dashboard/model.test.ts"],
  ],
  [
    "who moves a tag while an update is approved",
    "has nothing run but the digest that was approved",
    ["end-to-end/identity.test.ts"],
  ],
  [
    "who answers for a registry, or for its token server",
    "gets no credentials that are not bound to it; its certificate is checked unless the Engine calls the registry insecure; it leads from https to no http",
    [
      "services/poller/credentials.test.ts",
      "shared/registry/credentials.test.ts",
      "services/poller/rules.test.ts",
      "services/poller/registry/insecure-registries.test.ts",
      "services/poller/reach.test.ts",
    ],
  ],
  [
    "an HTTP endpoint that is asked, or what stands before it",
    "proceeds by a verdict or an empty 200 or 204 only, never by an answer that is neither",
    ["services/webhook/endpoint-verdict.test.ts", "services/webhook/run.test.ts"],
  ],
  [
    "who publishes an image",
    "has with its labels no effect beyond its own container, and with their size none on the host; no name of a container evades a verdict",
    [
      "end-to-end/image-labels.test.ts",
      "shared/containers/effective-labels.test.ts",
      "shared/containers/event-redaction.test.ts",
    ],
  ],
  [
    "who makes a mistake in an entry, a script or the hooks folder",
    "opens no gate: what it may concern is put off or refused, and it is told",
    [
      "end-to-end/participants.test.ts",
      "shared/contract/participant-entries.test.ts",
      "services/hook-executor/script-faults.test.ts",
      "services/hook-executor/scripts.test.ts",
    ],
  ],
  [
    "who reads events, verdicts, journal or logs",
    "finds no environment variable, and no secret in labels or in the output of health checks that looks like one",
    [
      "shared/containers/event-redaction.test.ts",
      "services/updater/containers/redact-output.test.ts",
      "end-to-end/secrets.test.ts",
      "shared/runtime/log.test.ts",
    ],
  ],
  [
    "a hook script",
    "reads no key and no setting of the hook-executor that is secret; a service has its own secrets only",
    [
      "services/hook-executor/script-isolation.test.ts",
      "services/hook-executor/run-hook.test.ts",
      "compose-file.test.ts",
    ],
  ],
  ["who publishes at Docker Hub what ours is built on", "is taken by digest only", ["digests.test.ts"]],
];

const promiseRows = PROMISES.map(([who, promise, tests]) => [who, promise, tests.map(code).join(", ")]);

export function securityPage(): string {
  const overview = roleNames.map((name) => {
    const { says, per } = roles[name];
    return [`[${code(name)}](#${name})`, per === "one" ? "one" : `one for each ${per}`, says];
  });
  return `<!-- Printed by \`npm run docs\` from a table in the code; edit that. -->

# Security

Without \`NATS_URL\` Ouroboros starts a NATS of its own that listens on loopback only and lets nobody in but Ouroboros.
With \`compose.yaml\` the services share a NATS that is closed from the first start: \`nats-config compose\` makes users, keys
and certificates, and each service has a volume with its own key and nothing else (\`/run/secure\`). No port is published, and
NATS accepts nobody without a key. The operator's commands run where the operator's key is:
\`docker compose exec updater ouroboros status\`; \`ouroboros doctor\` there says what is weak. After a change of OUROBOROS_HOST
or WEBHOOK_NAME run \`docker compose up -d --force-recreate\`: NATS reads its users when it starts. To have new keys made,
stop everything and remove the volumes whose names end in \`keys\`.

As soon as other machines are to reach NATS, make its keys yourself:

\`\`\`sh
docker run --rm -v "$PWD/secure:/secure" ghcr.io/ouroboros-updater/ouroboros:2 \\
  nats-config write /secure --hosts home --participants backup --with-password participant_backup --watchers wallboard
OUROBOROS_HOST=home docker compose -f compose.yaml -f compose.secure.yaml up -d
\`\`\`

${code("ouroboros nats-config --help")} says what is written and where. Each user has an nkey, whose secret half is in one
file, or a password where its program cannot use nkeys (${code("--with-password")}), as ${code("participant.py")} cannot:

\`\`\`sh
ouroboros participant add backup --hooks before_update
# where it runs, with secure/ca.pem and secure/users/participant_backup.password
NATS_USER=participant_backup NATS_PASSWORD="$(cat participant_backup.password)" \\
  python3 participant.py --server tls://nats.example.com:4222 --ca ca.pem --name backup --command ./backup.sh
\`\`\`

A service needs \`NATS_URL=tls://…\`, \`NATS_CA\` and \`NATS_NKEY_FILE\`, and a host's name in \`OUROBOROS_HOST\`. For other
machines publish port 4222 of NATS, and give the name by which they reach it in ${code("--server-names")}
([many hosts, step by step](install.md#many-hosts-one-nats)). To add a host or a
participant, write again with its name, what is there stays, and reload the server (\`docker compose kill -s HUP nats\`), then
\`ouroboros nats-config prepare --hosts web02\` for a host, with \`--readers\` for a reader, and
\`ouroboros participant add\` for a participant. With ${code("--remove")} a
host or any other user loses its key, and nobody else does. The leaf node of a host that is removed is cut off when the hub is
restarted: a reload leaves its link open.

## Roles

${table(["Role", "Users", "What it does"], overview)}

Each user but the operator has an account of its own at NATS, which imports the subjects of its table below from the account
of the streams and nothing else ([decision 47](decisions/0047-every-key-has-an-account-of-its-own.md)). Whatever else it
publishes, and every answer to it, stays in its account. Clients need no setting for that. Where all users share one account
(see below) a user may listen on its own inbox only, subjects that begin with \`_INBOX_\` and its public key (its name, where it
has a password): \`nats --inbox-prefix=_INBOX_…\`, \`inboxPrefix\` in Node, \`inbox_prefix\` in Python.

${roleNames.map(section).join("\n\n")}

## What is promised, against whom

${table(["Who", "What is promised", "Shown by"], promiseRows)}

Also true of all of them:

- A plan only names containers of the host that it is for. Which image is pulled follows from the container itself, so
  that a forged plan can at most have a container updated to what its own tag points to, after all who must be asked; with a
  tag policy (TAG_POLICY, \`com.ouroboros.tag_policy\`) to what a later tag points to that the policy takes; with a
  cooldown (COOLDOWN, COOLDOWN_AFTER, \`com.ouroboros.cooldown\`) to any image of its own repository. Only the host's own keys publish plans.
- A registry's list of tags is bounded in size and in pages, leads to no other server, and what is no tag in it is left out. A
  pattern is matched in time linear in the tag ([why](decisions/0075-patterns-for-tags-are-matched-in-linear-time.md)).
- What decides is stored: no message of events, verdicts and journal can be deleted, and no stream or bucket purged or rolled
  up, not even by the operator.
- Environment variables of containers, and secrets in settings, are never in events, verdicts, the journal or logs.

### What is tried

${code("test/nats/adversary.test.ts")} holds the key of each role in turn and tries all of this on everything that
is not its own, on one NATS and in a fleet of leaf nodes and their hub, both 2.10 and 2.15. What is tried follows from the tables above. Of it nothing arrived, nothing was
removed and nothing changed, and an update that ran meanwhile went as it does without it
(${code("test/end-to-end/permissions.test.ts")}). The numbers count messages.

${table(["With the subject of another, an adversary", ...TRYING], attempts())}

### What is not promised

- **Reading.** An updater may read the streams of the whole fleet, a hook-executor the journals of all hosts, a watcher and a
  reader see every event, and events say what runs where. Give hosts that must not know that a NATS of their own.
- **Room.** Streams have a maximum size; when they are full the oldest messages are dropped. A user who may publish to a
  stream can fill it: a participant the verdicts, a host the events, the journal and the holds, and an observer what the
  others remember. With them old messages of others are gone: history, and what a rollback or a reader would look up there.
  What an update needs is not lost. Its event is stored again, and its answers are asked for again
  ([decision 58](decisions/0058-what-was-pushed-out-is-asked-again.md)). The journal, the plans and what is held are also in
  the host's reserve, a stream that only its own messages fill
  ([decision 61](decisions/0061-a-host-has-a-reserve-that-only-its-own-messages-fill.md)); \`ouroboros nats-config prepare\`
  makes one for each host as soon as there are several. It takes 8 MB of \`max_file_store\`: for more than 300 hosts raise
  that. ${code("ouroboros doctor")} reports a stream that is nearly full, and a host without a reserve. A reserve is a copy, made
  within milliseconds: what is pushed out before that, or while the server itself is down, is not in it.
  Approvals are the exception: where their bucket is full, no new one is stored, and none is lost. A participant can so keep
  others from approving and refusing, which they are told; entries go after a year.
- **Time.** Who publishes as fast as NATS takes it slows everybody, and who asks a participant more than it can answer keeps
  it from answering others: their updates are put off until it ends. Hosts that must not do that to each other have a NATS
  each ([leaf nodes](leaf-nodes.md)).
- **Look-ups and cooldowns.** A host that SHARE_LOOK_UPS names is believed when it says that a tag has not moved; whoever has its
  poller's key can so keep updates from those that believe it, until they stop. It can cause none: what is new a host looks
  at itself. A poller's key can also take the turns of others at asking, which then ask a few seconds later. Who fills the
  bucket of the ledger makes a host that restarts meanwhile count its cooldowns anew. A host that COOLDOWN_AFTER names is believed
  when it says that an image runs there, or was rolled back: it can speed up and keep back those that name it, and nobody else.
- **Message ids.** A message with a \`Nats-Msg-Id\` that somebody else has used within the last 0.1 s is dropped by the server.
  Ouroboros sends none, and a participant need not.
- **A host's own keys.** Poller, updater and hook-executor of one host trust each other. With the updater's key one can write its
  journal and skip every wait; that key controls the host's containers anyway.
- **The operator's key, and the machine NATS runs on**, may do everything.
- **The key of a leaf node**, which is the server of one host. It is in the account of the hub's streams, with permissions. The
  hub copies from it what is its host's; but where the server answers to it, and where a consumer on the entries of participants
  and approvals delivers, can be any subject of the hub. That is no verdict and no command, yet it can make an entry or a lock unreadable,
  and on the API's subjects delete a copy that the hub has. Give it only to a machine that you trust with the fleet's participants.
- **One account for all**, in folders that an older \`nats-config\` wrote: there the same holds for every key, and for all streams.
  ${code("ouroboros doctor")} and ${code("nats-config write")} say where it is so.
- **A NATS without users**, where everybody who reaches it may do everything.

To give each user its account in a folder with one for all: stop NATS, remove \`nats/users.conf\` (at a hub also
\`leaves/*/nats/users.conf\`; hub and hosts can be moved one by one), run \`nats-config write\` again, rename \`jetstream/$G\`
in the store of NATS to \`jetstream/OUROBOROS\` (compose.yaml does that by itself), and start NATS. Without the renaming NATS
starts with empty streams, and without the participants that are registered.

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
  const { publish, subscribe, serves }: Permissions = rights(example, ["…"]);
  const rows = [
    ...rowsOf("publish", publish),
    ...rowsOf("hear", subscribe),
    ...rowsOf("hear and answer", serves),
  ];
  const title = example === "" ? "" : ` (here: ${code(example)})`;
  return `### ${name}\n\n${says.charAt(0).toUpperCase()}${says.slice(1)}${title}.\n\n${table(["May", "Subject", "For"], rows.length > 0 ? rows : [["nothing", "", ""]])}`;
}

const rowsOf = (may: string, rights: readonly Permission[]): string[][] =>
  rights.map(({ subject, why }) => [may, code(subject), why]);

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
