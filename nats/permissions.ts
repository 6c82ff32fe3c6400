// The table of roles: who may publish and subscribe to what at NATS. The server's configuration and docs/security.md
// are printed from it, and the tests prove on real servers what it allows and what it denies. Pure.
//
// Each user but the operator has an account of its own, which imports exactly the subjects of this table from the
// account of the streams (accounts-text.ts). The server checks the subject of a message but never its reply subject:
// an answer goes wherever the requester wants, but only within the requester's own account. Whoever may create a
// consumer can have it deliver anywhere, so only the operator creates consumers. See docs/decisions/0047.
//
// In folders of an earlier version all users share one account, and this table is used as permissions
// (authorization-text.ts). The user of a leaf node always has permissions, because it is another kind of client:
// `publish` is what the host's server may send to the hub, `subscribe` what that server receives from there.
import { hookNames, noticeNames, notices } from "../shared/contract/hooks.ts";
import { type ObserverName, observers, readsEvents } from "../shared/contract/observers.ts";
import { BUCKETS, STREAMS, consumers, executorParticipant, reserveOf } from "../shared/contract/subjects.ts";
import { encodeToken } from "../shared/contract/subject-tokens.ts";
import { decidingPermissions, readingPermissions } from "./observer-permissions.ts";
import { type Permissions, kv, onApi, onSubject, pullPermissions } from "./permission-rows.ts";

export type { Permission, Permissions } from "./permission-rows.ts";

interface Role {
  readonly says: string;
  /** What a user's name stands for, to which its rights are confined; `one` means a single user of this role. */
  readonly per: "host" | "participant" | "reader" | "watcher" | "observer" | "one";
  /** `askers` are the inbox prefixes of those users at a hub who send a host requests or verdicts. */
  readonly rights: (name: string, askers: readonly string[]) => Permissions;
}

/** JetStream domain that `nats-config` gives the hub of a fleet. */
export const HUB_DOMAIN = "hub";

/** What a leaf node has a copy of, from its hub. */
const MIRRORED = [
  [BUCKETS.participants, "to follow who must be asked"],
  [BUCKETS.approvals, "to follow what was said about digests"],
] as const;

export const roles = {
  poller: {
    says: "finds updates on a host and publishes its plans",
    per: "host",
    rights: (host) => ({
      publish: [
        onSubject(`ouroboros.hook.${encodeToken(host)}.updates_enumerated.*.*`, "its plans"),
        ...noticesBy("poller").map((name) =>
          onSubject(`ouroboros.hook.${encodeToken(host)}.${name}.*.*`, "its notices"),
        ),
        onApi(
          `CONSUMER.INFO.${STREAMS.hooks}.${consumers.updater(host)}`,
          "whether the updater has a plan in hand",
        ),
        onSubject(`$KV.${BUCKETS.hosts}.${encodeToken(host)}`, "the host's entry"),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.hosts)}`, "to read the host's entry"),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.held)}`, "what is held"),
        onApi(`STREAM.MSG.GET.${reserveOf(host)}`, "what is held, where others pushed it out"),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.approvals)}`, "what is refused or approved for all hosts"),
        onSubject(`$KV.${BUCKETS.ledger}.${encodeToken(host)}.*.*`, "which digests it saw on tags"),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.ledger)}`, "which digests it saw on tags before"),
        onSubject(`$KV.${BUCKETS.looks}.*`, "to take turns at asking a registry"),
        onSubject(`$KV.${BUCKETS.looks}.${encodeToken(host)}.*`, "what a registry answered it"),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.looks)}`, "what registries answered others"),
        onSubject(
          `ouroboros.command.${encodeToken(host)}.updater.status`,
          "whether what was begun is finished, with RUN_ONCE",
        ),
        onApi(`STREAM.INFO.${STREAMS.runs}`, "which runs there were, for a rollback"),
        onApi(
          `STREAM.MSG.GET.${STREAMS.runs}`,
          "how a run ended, with RUN_ONCE; the image before, for a rollback",
        ),
      ],
      subscribe: [onSubject(`ouroboros.run.${encodeToken(host)}.*`, "how a run goes on, with RUN_ONCE")],
      serves: [onSubject(`ouroboros.command.${encodeToken(host)}.poller.*`, "what an operator asks")],
    }),
  },
  updater: {
    says: "carries out the plans of a host, and publishes every other event",
    per: "host",
    rights: (host) => ({
      publish: [
        ...[...hookNames, ...noticesBy("updater")].map((name) =>
          onSubject(
            `ouroboros.hook.${encodeToken(host)}.${name}.*.*`,
            name === "updates_enumerated" ? "a plan that others pushed out" : "its events",
          ),
        ),
        onSubject(`ouroboros.run.${encodeToken(host)}.*`, "the journal"),
        onSubject(`$KV.${BUCKETS.held}.${encodeToken(host)}.*`, "what is held"),
        ...pullPermissions(STREAMS.hooks, consumers.updater(host), "its plans"),
        onApi(`STREAM.MSG.GET.${STREAMS.hooks}`, "the plan of a run that was left open"),
        onApi(`STREAM.MSG.GET.${STREAMS.verdicts}`, "verdicts"),
        onApi(`STREAM.MSG.GET.${STREAMS.runs}`, "the journal, after a restart"),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.hosts)}`, "whose the host's name is"),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.held)}`, "what is held"),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.participants)}`, "who must be asked"),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.approvals)}`, "what was said about a digest"),
        onApi(
          `STREAM.MSG.GET.${reserveOf(host)}`,
          "its journal, plans and holds, where others pushed them out",
        ),
        ...[...Object.values(STREAMS), ...Object.values(BUCKETS).map(kv)].map((stream) =>
          onApi(`STREAM.INFO.${stream}`, "whether it is there"),
        ),
        onApi(
          `CONSUMER.INFO.${STREAMS.hooks}.${consumers.gate(executorParticipant(host))}`,
          "whether the hook-executor's consumer is there",
        ),
      ],
      subscribe: [
        onSubject(`ouroboros.verdict.${encodeToken(host)}.*.*`, "when to look for a verdict"),
        onSubject(`$KV.${BUCKETS.participants}.>`, "when to look who must be asked"),
        onSubject(`$KV.${BUCKETS.approvals}.>`, "when to look what was said about a digest"),
      ],
      serves: [
        onSubject(`ouroboros.progress.${encodeToken(host)}.*.*`, "signs of progress"),
        {
          ...onSubject(
            `ouroboros.command.${encodeToken(host)}.updater.*`,
            "what an operator or another updater asks",
          ),
          own: true,
        },
      ],
    }),
  },
  exec: {
    says: "the hook-executor: runs the scripts of a host and answers for them",
    per: "host",
    rights: (host) => {
      const { publish, ...rest } = answerPermissions(executorParticipant(host), encodeToken(host));
      const journal = onApi(
        `STREAM.MSG.GET.${STREAMS.runs}`,
        "whether an event that came late is still waited for",
      );
      return { publish: [...publish, journal], ...rest };
    },
  },
  participant: {
    says: "answers events, for itself only",
    per: "participant",
    rights: (name) => {
      const { publish, ...rest } = answerPermissions(name, "*");
      const ownApprovals = `$KV.${BUCKETS.approvals}.${encodeToken(name)}.*.*`;
      const approvals = onSubject(ownApprovals, "its verdicts about digests, for all hosts");
      return { publish: [...publish, approvals], ...rest };
    },
  },
  watcher: {
    says: "sees all events and the journal as they happen",
    per: "watcher",
    rights: () => ({
      publish: [],
      subscribe: [onSubject("ouroboros.hook.>", "events"), onSubject("ouroboros.run.>", "the journal")],
      serves: [],
    }),
  },
  reader: {
    says: "sees all events and the journal, also those from while it was away",
    per: "reader",
    rights: (name) => ({
      publish: [
        ...pullPermissions(STREAMS.hooks, consumers.reader(name), "events"),
        ...pullPermissions(STREAMS.runs, consumers.reader(name), "the journal"),
      ],
      subscribe: [],
      serves: [],
    }),
  },
  observer: {
    says: "a service of Ouroboros that reads all events and the journal: notifications, metrics, Home Assistant, the page; the push endpoint reads neither, and sends hints",
    per: "observer",
    rights: (name) => ({
      publish: [
        ...(readsEvents(name) ? readingPermissions(name) : []),
        onApi(`STREAM.MSG.GET.${kv(BUCKETS.hosts)}`, "which hosts there are, and their last poll"),
        ...commandsOf(name).map((command) =>
          onSubject(`ouroboros.command.*.poller.${command}`, "what its users ask for"),
        ),
        ...(isDeciding(name) ? decidingPermissions() : []),
      ],
      subscribe: isDeciding(name) ? [onSubject("ouroboros.verdict.*.*.*", "when to look for a verdict")] : [],
      serves: [],
    }),
  },
  leaf: {
    says: "the NATS of a host that is a leaf node of this one: what passes between the two",
    per: "host",
    rights: (host, askers) => ({
      publish: [
        onSubject(`ouroboros.hook.${encodeToken(host)}.>`, "the host's events"),
        onSubject(`ouroboros.run.${encodeToken(host)}.>`, "the host's journal"),
        ...MIRRORED.flatMap(([bucket, why]) => [
          ...["", ".>"].map((rest) =>
            onSubject(`$JS.${HUB_DOMAIN}.API.CONSUMER.CREATE.${kv(bucket)}${rest}`, why),
          ),
          onSubject(`$JS.FC.${kv(bucket)}.>`, why),
        ]),
        onSubject("$JS.S.*", "the copies that the hub makes"),
        onSubject("$JSC.R.*", "answers about the copies"),
        ...askers.map((identity) =>
          onSubject(inboxSubject(identity), "answers to who gives it a verdict or a command"),
        ),
      ],
      subscribe: [
        ...["verdict", "progress", "command"].map((kind) =>
          onSubject(`ouroboros.${kind}.${encodeToken(host)}.*.*`, `each ${kind} for the host`),
        ),
        onSubject(`$JS.${encodeToken(host)}.API.CONSUMER.CREATE.>`, "the copies that the hub makes"),
        onSubject("$JS.M.*", "who must be asked, and what was said about digests"),
        onSubject("$JSC.R.*", "answers about that"),
        ...[...Object.values(STREAMS), ...Object.values(BUCKETS).map(kv)].map((stream) =>
          onSubject(`$JS.FC.${stream}.>`, "the pace of the copies"),
        ),
      ],
      serves: [],
    }),
  },
  operator: {
    says: "makes streams, buckets and consumers, decides who is asked, and runs the commands of `ouroboros`",
    per: "one",
    rights: () => ({
      publish: [onSubject(">", "everything")],
      subscribe: [onSubject(">", "everything")],
      serves: [],
    }),
  },
} as const satisfies Record<string, Role>;

export type RoleName = keyof typeof roles;
export const roleNames = Object.keys(roles) as readonly RoleName[];

const noticesBy = (service: "poller" | "updater") =>
  noticeNames.filter((name) => notices[name].by === service);

const commandsOf = (name: string): readonly string[] =>
  Object.hasOwn(observers, name) ? observers[name as ObserverName].commands : [];

const isDeciding = (name: string): boolean =>
  Object.hasOwn(observers, name) && "decides" in observers[name as ObserverName];

const answerPermissions = (participant: string, hosts: string): Permissions => ({
  publish: [
    ...pullPermissions(STREAMS.hooks, consumers.gate(participant), "its events"),
    ...pullPermissions(STREAMS.hooks, consumers.notices(participant), "its notices"),
    onSubject(`ouroboros.verdict.${hosts}.${encodeToken(participant)}.*`, "its verdicts"),
    onSubject(`ouroboros.progress.${hosts}.${encodeToken(participant)}.*`, "its signs of progress"),
  ],
  subscribe: [],
  serves: [],
});

export interface User {
  readonly role: RoleName;
  /** Name of its host, or its own name; empty for the operator. */
  readonly name: string;
}

/** The user's name in files and at NATS: `updater_web01`, `participant_backup`, `operator`. */
export const userName = ({ role, name }: User): string =>
  roles[role].per === "one" ? role : `${role}_${encodeToken(name)}`;

/** The subjects on which a user receives answers; no other user may listen there. */
export const inboxSubject = (identity: string): string => `_INBOX_${identity}.>`;
