// The names of subjects, streams, buckets and consumers. The host is the third token of every subject, so that a
// single permission confines a user or a leaf node to its host.
import type { EventName } from "./hooks.ts";
import { encodeToken } from "./subject-tokens.ts";

export const STREAMS = {
  hooks: "OUROBOROS_HOOKS",
  verdicts: "OUROBOROS_VERDICTS",
  runs: "OUROBOROS_RUNS",
} as const;

export const BUCKETS = {
  hosts: "OUROBOROS_HOSTS",
  participants: "OUROBOROS_PARTICIPANTS",
  held: "OUROBOROS_HELD",
  /** What the observers that come with Ouroboros remember, by their names. */
  observers: "OUROBOROS_OBSERVERS",
  /** Which digests the tags of images have named, as each host's poller saw it. */
  ledger: "OUROBOROS_LEDGER",
  /** Who asks a registry at the moment, and the last answers: for the pollers that share look-ups. */
  looks: "OUROBOROS_LOOKS",
  /** What participants and the operator have said about a digest, once for all hosts. */
  approvals: "OUROBOROS_APPROVALS",
} as const;

/** The buckets without which nothing is updated. An older installation may lack the others. */
export const NEEDED_BUCKETS = [BUCKETS.hosts, BUCKETS.participants, BUCKETS.held] as const;

/** The stream with a host's own copy of what it needs to go on, where several hosts share a NATS. */
export const reserveOf = (host: string): string => `OUROBOROS_RESERVE_${encodeToken(host)}`;

/** Prefix of the subjects on which streams republish what they have stored. */
export const STORED = "stored";

export const subjects = {
  /** `container` is null for events of a whole run. */
  hook: (event: { host: string; hook: EventName; container: string | null; event: string }): string =>
    `ouroboros.hook.${encodeToken(event.host)}.${event.hook}.${event.container === null ? "_" : encodeToken(event.container)}.${event.event}`,
  hooksOf: (host: string | null, hook: EventName | null): string =>
    `ouroboros.hook.${host === null ? "*" : encodeToken(host)}.${hook ?? "*"}.>`,
  verdict: (host: string, participant: string, event: string): string =>
    `ouroboros.verdict.${encodeToken(host)}.${encodeToken(participant)}.${event}`,
  verdictsOf: (host: string): string => `ouroboros.verdict.${encodeToken(host)}.*.*`,
  progress: (host: string, participant: string, event: string): string =>
    `ouroboros.progress.${encodeToken(host)}.${encodeToken(participant)}.${event}`,
  progressOf: (host: string): string => `ouroboros.progress.${encodeToken(host)}.*.*`,
  run: (host: string, run: string): string => `ouroboros.run.${encodeToken(host)}.${run}`,
  open: (host: string): string => `ouroboros.run.${encodeToken(host)}.open`,
  command: (host: string, service: string, command: string): string =>
    `ouroboros.command.${encodeToken(host)}.${service}.${command}`,
} as const;

export const consumers = {
  updater: (host: string): string => `updater_${encodeToken(host)}`,
  gate: (participant: string): string => `gate_${encodeToken(participant)}`,
  /** Of the same participant: the notices that it hears. */
  notices: (participant: string): string => `notices_${encodeToken(participant)}`,
  /** There is one of this name on OUROBOROS_HOOKS and one on OUROBOROS_RUNS. */
  reader: (name: string): string => `obs_${encodeToken(name)}`,
} as const;

/** The built-in participant of a host: its hook-executor. */
export const executorParticipant = (host: string): string => `exec_${host}`;

export const heldKey = (host: string, container: string): string =>
  `${encodeToken(host)}.${encodeToken(container)}`;

export const ledgerKey = (host: string, image: string, platform: string): string =>
  `${encodeToken(host)}.${encodeToken(image)}.${encodeToken(platform)}`;

/** `repository` as the Engine writes it; `*` for `voter`: whoever it is. */
export const approvalKey = (voter: string, { repository, digest }: ApprovedImage): string =>
  `${voter === "*" ? "*" : encodeToken(voter)}.${encodeToken(repository)}.${encodeToken(digest)}`;

interface ApprovedImage {
  readonly repository: string;
  readonly digest: string;
}

/** Deterministic, so that an event that is published again keeps its id. */
export const eventId = (run: string, hook: EventName, container: string | null): string =>
  `${run}-${hook}${container === null ? "" : `-${encodeToken(container)}`}`;

/** The id of the run in the subject of a hook event. */
export const runIdIn = (subject: string): string | undefined => /\.([^.-]+)-[^.]*$/.exec(subject)?.[1];
