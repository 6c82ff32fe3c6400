// Who holds a key, and tries with it all that there is on all that is not its own. What is tried follows from the table of
// roles: a subject or a role that is added there is tried, and is tried by, without a change here. Pure, but for `attack`.
import { type NatsConnection, headers } from "nats";
import { IMPORTED_API } from "../../nats/accounts-text.ts";
import { STREAMS_ACCOUNT } from "../../nats/server-config-text.ts";
import { HUB_DOMAIN, type Permission, type Permissions, type User, roles } from "../../nats/permissions.ts";
import { BUCKETS, STORED, STREAMS, reserveOf } from "../../shared/contract/subjects.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";

export const streams: readonly string[] = [
  ...Object.values(STREAMS),
  ...Object.values(BUCKETS).map((bucket) => `KV_${bucket}`),
];

/** Of the hosts that share a NATS. */
export const reserves: readonly string[] = ["web01", "web.02"].map(reserveOf);

export interface Attempt {
  readonly subject: string;
  readonly body: string;
  readonly reply?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Adversary {
  readonly user: User;
  /** One subject of each kind that it may publish. */
  readonly own: readonly string[];
  /** What is not its own, neither to publish nor to hear. */
  readonly foreign: readonly string[];
  /** 1: everything is tried with each foreign subject. 3: a third of it, and another third with the next subject. */
  readonly every: number;
}

/** Both in all combinations that the adversary tries. */
const pairs = <One, Other, Tried>(
  { every }: Adversary,
  ones: readonly One[],
  others: readonly Other[],
  tryBoth: (one: One, other: Other) => Tried,
): Tried[] =>
  ones.flatMap((one, i) =>
    others.filter((_, j) => (i + j) % every === 0).map((other) => tryBoth(one, other)),
  );

/** What an adversary can do, and how; `docs/security.md` prints the names. */
export const attacks = {
  "publishes on it": ({ foreign }) =>
    foreign.flatMap((subject) => ["proceed", '{"command":"yield"}', ""].map((body) => ({ subject, body }))),
  "names it as it is called elsewhere": ({ foreign }) =>
    foreign.flatMap((subject) =>
      [`${STORED}.${subject}`, `${STREAMS_ACCOUNT}.${subject}`, apiOf(subject), ...inDomains(subject)].map(
        (elsewhere) => ({
          subject: elsewhere,
          body: "proceed",
        }),
      ),
    ),
  "requests what it may, with it as the reply subject": (by) =>
    pairs(by, by.foreign, by.own, (reply, subject) => ({ subject, body: bodyFor(subject), reply })),
  "requests from itself, and answers": ({ user, foreign }) =>
    foreign.flatMap((reply) =>
      subjectsOf(rightsOf(user).serves).map((subject) => ({
        subject: exampleSubject(subject),
        body: "",
        reply,
      })),
    ),
  "makes consumers that deliver to it": (by) => pairs(by, by.foreign, [...streams, ...reserves], consumerTo),
  "sends headers that the server acts on": (by) =>
    pairs(by, by.foreign, by.own.filter(isStored), (target, subject) =>
      headersWith(target).map((fields) => ({ subject, body: "proceed", headers: fields })),
    ).flat(),
  "takes the next message ids": ({ own }) =>
    own
      .filter(isStored)
      .flatMap((subject) => IDS.map((id) => ({ subject, body: "proceed", headers: { "Nats-Msg-Id": id } }))),
  "floods its own subjects": ({ own }) =>
    own
      .filter(isStored)
      .flatMap((subject) => Array.from({ length: 25 }, () => ({ subject, body: "x".repeat(4000) }))),
} as const satisfies Readonly<Record<string, (by: Adversary) => readonly Attempt[]>>;

export const attackNames = Object.keys(attacks) as readonly (keyof typeof attacks)[];

/** `all`: what there is, of `targets`. */
export function adversary(user: User, all: readonly string[], every = 1): Adversary {
  const { publish } = rightsOf(user);
  const kinds = new Map(subjectsOf(publish).map((pattern) => [kindOf(pattern), exampleSubject(pattern)]));
  const foreign = all.filter((subject) => !isOwn(user, subject));
  return { user, own: [...kinds.values()], foreign, every };
}

const rightsOf = ({ role, name }: User): Permissions => roles[role].rights(name, []);
const subjectsOf = (rights: readonly Permission[]): string[] => rights.map(({ subject }) => subject);

/** All hooks of a host are alike. */
const kindOf = (pattern: string): string => pattern.replace(/^(ouroboros\.hook\.[^.]+)\..*/, "$1");

/** A subject of a pattern. */
export const exampleSubject = (pattern: string): string => pattern.replaceAll("*", "x").replace(/>$/, "x");
const apiOf = (subject: string): string => subject.replace(/^\$JS\.API/, IMPORTED_API);
/** Of a hub and of a leaf node of it. */
const inDomains = (subject: string): string[] =>
  [HUB_DOMAIN, "web01"].map((domain) => subject.replace(/^\$JS\.API/, `$JS.${domain}.API`));
const isStored = (subject: string): boolean => /^(?:ouroboros\.(?!progress|command)|\$KV\.)/.test(subject);
const bodyFor = (subject: string): string =>
  subject.includes("MSG.NEXT") ? '{"batch":5,"no_wait":true}' : "+NXT";

const consumerTo = (deliver_subject: string, stream_name: string): Attempt => ({
  subject: `$JS.API.CONSUMER.CREATE.${stream_name}`,
  body: JSON.stringify({
    stream_name,
    config: { deliver_subject, deliver_policy: "all", ack_policy: "none" },
  }),
  reply: deliver_subject,
});

const IDS = ["web01", "web.02"].flatMap((host) =>
  ["1", "2"].map((n) => `01J-${encodeToken(host)}-before_update-web-${n}`),
);

const headersWith = (target: string): readonly Readonly<Record<string, string>>[] => [
  { "Nats-Rollup": "all" },
  { "Nats-Rollup": "sub", "KV-Operation": "PURGE" },
  { "Nats-TTL": "1s" },
  { "Nats-Trace-Dest": target },
  { "Nats-Schedule": "@at 2020-01-01T00:00:00Z", "Nats-Schedule-Target": target },
  { "Nats-Stream": "OUROBOROS_RUNS", "Nats-Subject": target },
  { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1" },
  { "Nats-Expected-Last-Subject-Sequence": "0", "Nats-Expected-Last-Subject-Sequence-Subject": target },
];

export function matches(pattern: string, subject: string): boolean {
  const [parts, words] = [pattern.split("."), subject.split(".")];
  const rest = parts.at(-1) === ">";
  const fixed = rest ? parts.slice(0, -1) : parts;
  if (rest ? words.length < parts.length : words.length !== parts.length) return false;
  return fixed.every((part, i) => part === "*" || part === words[i]);
}

/** What a user may publish on. */
export const patternsOf = (user: User): string[] => subjectsOf(rightsOf(user).publish);

const any = (rights: readonly Permission[], subject: string): boolean =>
  subjectsOf(rights).some((pattern) => matches(pattern, subject));

export const maySend = (user: User, subject: string): boolean => any(rightsOf(user).publish, subject);

export const mayHear = (user: User, subject: string): boolean =>
  any([...rightsOf(user).subscribe, ...rightsOf(user).serves], subject);

const isOwn = (user: User, subject: string): boolean => maySend(user, subject) || mayHear(user, subject);

const CALLS = ["DELETE", "PURGE", "UPDATE", "CREATE", "MSG.DELETE", "RESTORE", "SNAPSHOT", "LEADER.STEPDOWN"];
const CONSUMER_CALLS = ["CREATE", "DELETE", "DURABLE.CREATE", "PAUSE", "UNPIN"];
const COMMANDS = ["check", "hint", "look", "update", "rollback", "status", "yield", "repair"];

/** What all users may use, each for itself; and what changes streams and consumers. */
export function targets(users: readonly User[]): string[] {
  const ofRoles = users.flatMap((user) => {
    const { publish, subscribe, serves } = rightsOf(user);
    return subjectsOf([...publish, ...subscribe, ...serves]).map(exampleSubject);
  });
  const hosts = [
    ...new Set(users.filter(({ role }) => role === "updater").map(({ name }) => encodeToken(name))),
  ];
  const ofHosts = hosts.flatMap((host) => [
    `ouroboros.verdict.${host}.operator.e`,
    `ouroboros.run.${host}.open`,
    ...COMMANDS.flatMap((command) =>
      ["poller", "updater"].map((service) => `ouroboros.command.${host}.${service}.${command}`),
    ),
  ]);
  const calls = [...streams, ...reserves].flatMap((stream) => [
    ...CALLS.map((call) => `$JS.API.STREAM.${call}.${stream}`),
    ...CONSUMER_CALLS.map((call) => `$JS.API.CONSUMER.${call}.${stream}.gate_a`),
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.DIRECT.GET.${stream}`,
  ]);
  return [
    ...new Set([
      ...ofRoles,
      ...ofHosts,
      ...calls,
      `$KV.${BUCKETS.participants}.a`,
      `$KV.${BUCKETS.approvals}.operator.x.x`,
    ]),
  ];
}

/** Resolves when the server has it all, with how much it was. Requests to itself are answered. */
export async function attack(
  nats: NatsConnection,
  by: Adversary,
  names: readonly (keyof typeof attacks)[] = attackNames,
): Promise<number> {
  const served = subjectsOf(rightsOf(by.user).serves).map((subject) =>
    nats.subscribe(subject, { callback: (_error, message) => void message.respond("proceed") }),
  );
  let tried = 0;
  for (const name of names)
    for (const { subject, body, reply, headers: fields } of attacks[name](by) as readonly Attempt[]) {
      nats.publish(subject, body, {
        ...(reply !== undefined && { reply }),
        ...(fields !== undefined && { headers: headersOf(fields) }),
      });
      if (++tried % 500 === 0) await nats.flush();
    }
  await nats.flush();
  // The server works its requests off in turn: this one when it has answered those of the attack.
  const last = by.own.find((subject) => /\.INFO\./.test(subject));
  if (last !== undefined) await nats.request(last, "", { timeout: 60_000 });
  for (const subscription of served) subscription.unsubscribe();
  return tried;
}

function headersOf(fields: Readonly<Record<string, string>>) {
  const head = headers();
  for (const [name, value] of Object.entries(fields)) head.set(name, value);
  return head;
}
