// Who may do what at NATS: one table of roles. The server's configuration and docs/security.md are printed from it, and
// the tests prove it on real servers, what is allowed and what is not. Pure.
//
// Each user but the operator has an account of its own, which imports from the account of the streams exactly the subjects of
// this table (nats-accounts-text.ts). The server checks the subject of a message but never its reply subject: its answer goes
// wherever the requester wants, but within the requester's own account. Whoever may make a consumer may have it deliver
// anywhere, so only the operator makes consumers. docs/decisions/0047 says more.
//
// In folders of an earlier version there is one account for all, where the same table is a table of permissions
// (nats-permissions-text.ts). A leaf node's user always has permissions: it is another kind of client: what it may publish is what its host's server may
// send to the hub, what it may hear is what that server gets from there.
import { hookNames, noticeNames } from "../../shared/hooks.ts";
import { BUCKETS, STREAMS, consumers, executorOf } from "../../shared/subjects.ts";
import { token } from "../../shared/tokens.ts";

export interface Right {
  readonly subject: string;
  readonly why: string;
  /** Of what a user serves: other programs with its key ask there, too. */
  readonly own?: true;
}

export interface Rights {
  readonly publish: readonly Right[];
  readonly subscribe: readonly Right[];
  /** It hears what others send there, and answers. */
  readonly serves: readonly Right[];
}

interface Role {
  readonly says: string;
  /** What the name stands for that its rights are confined to; `one`: there is one user of this role. */
  readonly per: "host" | "participant" | "reader" | "watcher" | "one";
  /** `askers`: what the inboxes of those at a hub begin with who ask a host or answer it. */
  readonly rights: (name: string, askers: readonly string[]) => Rights;
}

/** JetStream domain of a fleet's hub, as `nats-config` writes it. */
export const HUB = "hub";

const api = (call: string, why: string): Right => ({ subject: `$JS.API.${call}`, why });
const on = (subject: string, why: string): Right => ({ subject, why });
const kv = (bucket: string): string => `KV_${bucket}`;

export const roles = {
  poller: {
    says: "finds updates on a host and publishes its plans",
    per: "host",
    rights: (host) => ({
      publish: [
        on(`ouroboros.hook.${token(host)}.updates_enumerated.*.*`, "its plans"),
        api(
          `CONSUMER.INFO.${STREAMS.hooks}.${consumers.updater(host)}`,
          "whether the updater has a plan in hand",
        ),
        on(`$KV.${BUCKETS.hosts}.${token(host)}`, "the host's entry"),
        api(`STREAM.MSG.GET.${kv(BUCKETS.hosts)}`, "to read the host's entry"),
        api(`STREAM.MSG.GET.${kv(BUCKETS.held)}`, "what is held"),
        on(
          `ouroboros.command.${token(host)}.updater.status`,
          "whether what was begun is finished, with RUN_ONCE",
        ),
        api(`STREAM.INFO.${STREAMS.runs}`, "which runs there were, for a rollback"),
        api(
          `STREAM.MSG.GET.${STREAMS.runs}`,
          "how a run ended, with RUN_ONCE; the image before, for a rollback",
        ),
      ],
      subscribe: [on(`ouroboros.run.${token(host)}.*`, "how a run goes on, with RUN_ONCE")],
      serves: [on(`ouroboros.command.${token(host)}.poller.*`, "what an operator asks")],
    }),
  },
  updater: {
    says: "carries out the plans of a host, and publishes every other event",
    per: "host",
    rights: (host) => ({
      publish: [
        ...[...hookNames, ...noticeNames]
          .filter((name) => name !== "updates_enumerated")
          .map((name) => on(`ouroboros.hook.${token(host)}.${name}.*.*`, "its events")),
        on(`ouroboros.run.${token(host)}.*`, "the journal"),
        on(`$KV.${BUCKETS.held}.${token(host)}.*`, "what is held"),
        ...pulls(STREAMS.hooks, consumers.updater(host), "its plans"),
        api(`STREAM.MSG.GET.${STREAMS.hooks}`, "the plan of a run that was left open"),
        api(`STREAM.MSG.GET.${STREAMS.verdicts}`, "verdicts"),
        api(`STREAM.MSG.GET.${STREAMS.runs}`, "the journal, after a restart"),
        api(`STREAM.MSG.GET.${kv(BUCKETS.hosts)}`, "whose the host's name is"),
        api(`STREAM.MSG.GET.${kv(BUCKETS.held)}`, "what is held"),
        api(`STREAM.MSG.GET.${kv(BUCKETS.participants)}`, "who must be asked"),
        ...[...Object.values(STREAMS), ...Object.values(BUCKETS).map(kv)].map((stream) =>
          api(`STREAM.INFO.${stream}`, "whether it is there"),
        ),
        api(
          `CONSUMER.INFO.${STREAMS.hooks}.${consumers.gate(executorOf(host))}`,
          "whether the hook-executor's consumer is there",
        ),
      ],
      subscribe: [
        on(`ouroboros.verdict.${token(host)}.*.*`, "when to look for a verdict"),
        on(`$KV.${BUCKETS.participants}.>`, "when to look who must be asked"),
      ],
      serves: [
        on(`ouroboros.progress.${token(host)}.*.*`, "signs of progress"),
        {
          ...on(`ouroboros.command.${token(host)}.updater.*`, "what an operator or another updater asks"),
          own: true,
        },
      ],
    }),
  },
  exec: {
    says: "the hook-executor: runs the scripts of a host and answers for them",
    per: "host",
    rights: (host) => {
      const { publish, ...rest } = answering(executorOf(host), token(host));
      const journal = api(
        `STREAM.MSG.GET.${STREAMS.runs}`,
        "whether an event that came late is still waited for",
      );
      return { publish: [...publish, journal], ...rest };
    },
  },
  participant: {
    says: "answers events, for itself only",
    per: "participant",
    rights: (name) => answering(name, "*"),
  },
  watcher: {
    says: "sees all events and the journal as they happen",
    per: "watcher",
    rights: () => ({
      publish: [],
      subscribe: [on("ouroboros.hook.>", "events"), on("ouroboros.run.>", "the journal")],
      serves: [],
    }),
  },
  reader: {
    says: "sees all events and the journal, also those from while it was away",
    per: "reader",
    rights: (name) => ({
      publish: [
        ...pulls(STREAMS.hooks, consumers.reader(name), "events"),
        ...pulls(STREAMS.runs, consumers.reader(name), "the journal"),
      ],
      subscribe: [],
      serves: [],
    }),
  },
  leaf: {
    says: "the NATS of a host that is a leaf node of this one: what passes between the two",
    per: "host",
    rights: (host, askers) => ({
      publish: [
        on(`ouroboros.hook.${token(host)}.>`, "the host's events"),
        on(`ouroboros.run.${token(host)}.>`, "the host's journal"),
        ...["", ".>"].map((rest) =>
          on(
            `$JS.${HUB}.API.CONSUMER.CREATE.${kv(BUCKETS.participants)}${rest}`,
            "to follow who must be asked",
          ),
        ),
        on(`$JS.FC.${kv(BUCKETS.participants)}.>`, "to follow who must be asked"),
        on("$JS.S.*", "the copies that the hub makes"),
        on("$JSC.R.*", "answers about the copies"),
        ...askers.map((identity) => on(inboxOf(identity), "answers to who gives it a verdict or a command")),
      ],
      subscribe: [
        ...["verdict", "progress", "command"].map((kind) =>
          on(`ouroboros.${kind}.${token(host)}.*.*`, `each ${kind} for the host`),
        ),
        on(`$JS.${token(host)}.API.CONSUMER.CREATE.>`, "the copies that the hub makes"),
        on("$JS.M.*", "who must be asked"),
        on("$JSC.R.*", "answers about who must be asked"),
        ...[...Object.values(STREAMS), ...Object.values(BUCKETS).map(kv)].map((stream) =>
          on(`$JS.FC.${stream}.>`, "the pace of the copies"),
        ),
      ],
      serves: [],
    }),
  },
  operator: {
    says: "makes streams, buckets and consumers, decides who is asked, and runs the commands of `ouroboros`",
    per: "one",
    rights: () => ({
      publish: [on(">", "everything")],
      subscribe: [on(">", "everything")],
      serves: [],
    }),
  },
} as const satisfies Record<string, Role>;

export type RoleName = keyof typeof roles;
export const roleNames = Object.keys(roles) as readonly RoleName[];

/** One durable consumer of another's making: take from it, and acknowledge. */
function pulls(stream: string, durable: string, why: string): Right[] {
  return [
    api(`CONSUMER.INFO.${stream}.${durable}`, why),
    api(`CONSUMER.MSG.NEXT.${stream}.${durable}`, why),
    on(`$JS.ACK.${stream}.${durable}.>`, why),
  ];
}

const answering = (participant: string, hosts: string): Rights => ({
  publish: [
    ...pulls(STREAMS.hooks, consumers.gate(participant), "its events"),
    on(`ouroboros.verdict.${hosts}.${token(participant)}.*`, "its verdicts"),
    on(`ouroboros.progress.${hosts}.${token(participant)}.*`, "its signs of progress"),
  ],
  subscribe: [],
  serves: [],
});

export interface User {
  readonly role: RoleName;
  /** Of its host, or its own; the operator has none. */
  readonly name: string;
}

/** As the user is called in files and at NATS: `updater_web01`, `participant_backup`, `operator`. */
export const userName = ({ role, name }: User): string =>
  roles[role].per === "one" ? role : `${role}_${token(name)}`;

/** The subjects on which a user gets answers: nobody else may listen there. */
export const inboxOf = (identity: string): string => `_INBOX_${identity}.>`;
