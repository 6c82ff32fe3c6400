// What is known of a wait: who was asked, who has answered, who is out of time, whether it is decided. Pure. All times
// are monotonic milliseconds. gate-wait.ts says when to look at what.
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";
import type { Verdict } from "../../../shared/contract/messages.ts";
import { type AskedParticipant, OPERATOR } from "../../../shared/contract/participants.ts";
import { isDecisive } from "../../../shared/contract/verdict-precedence.ts";
import { type ReceivedVerdict, makeTimeoutVerdict } from "./decision.ts";
import type { Hub } from "./hub.ts";
import { countVotes, isGroupDecided } from "./votes.ts";

/** After a restart everyone who has not answered has at least this long. */
export const MIN_WAIT_AFTER_RESTART_MS = 10_000;

/** Answers for everyone beyond a host that is cut off. No participant can have this name: it is no token. */
const HUB = "(hub)";
/** When to try again after a deferral because of the hub. */
const HUB_RETRY_S = 300;
/** When to try again after a deferral because of an entry that cannot be understood. */
const UNREADABLE_RETRY_S = 600;

/** What is asked, of whom (G9). */
export interface WaitQuestion {
  readonly event: string;
  readonly hook: HookName;
  readonly asked: readonly AskedParticipant[];
  /** This wait publishes the event for the first time: nobody has answered before, and who does so now signals it. */
  readonly isNew: boolean;
  /** The participant of this host itself. */
  readonly own: string;
  /** HOOK_EXECUTOR is off: it was turned off since, if the host's participant was asked. Its silence counts at once. */
  readonly isOwnOff: boolean;
  /** How long the wait lasted before this process. Milliseconds. */
  readonly elapsed: number;
  readonly atMost: number;
}

export interface WaitFacts {
  readonly question: WaitQuestion;
  /** When this process had published the event, or had found it published. */
  readonly startedAt: number;
  /** Participant → its verdict, or what its silence counts as. */
  readonly received: ReceivedVerdicts;
  /** Participant → its last sign of progress. */
  readonly progress: ReadonlyMap<string, number>;
}

export type ReceivedVerdicts = ReadonlyMap<string, ReceivedVerdict>;
export type HubOutage = Pick<Hub, "away" | "trouble">;

const beganAt = ({ question, startedAt }: WaitFacts): number => startedAt - question.elapsed;

const pendingOf = ({ question, received }: WaitFacts): AskedParticipant[] =>
  question.asked.filter(({ name }) => !received.has(name));

/** Who may still change the decision: the participants that have not answered, and the operator. */
export const votersOf = (wait: WaitFacts): string[] => [...pendingOf(wait).map(({ name }) => name), OPERATOR];

const withVerdict = (received: ReceivedVerdicts, verdict: ReceivedVerdict): ReceivedVerdicts =>
  new Map([...received, [verdict.participant, verdict]]);

/** The first verdict of a voter counts (G3). */
export function receiveVerdict(wait: WaitFacts, voter: string, full: Verdict, now: number): ReceivedVerdicts {
  if (wait.received.has(voter)) return wait.received;
  const { verdict, reason } = full;
  const ms = Math.round(now - beganAt(wait));
  return withVerdict(wait.received, {
    ...{ participant: voter, verdict, ...(reason !== undefined && { reason }), ms, full },
  });
}

/**
 * Those who may have to be asked, but nobody knows how: they defer. At `after` hooks they proceed, to finish what is
 * begun.
 */
export function deferUnreadable({ hook, asked }: WaitQuestion): ReceivedVerdicts {
  const verdict = hooks[hook].phase === "after" ? "proceed" : "defer";
  const received = asked.flatMap(({ name, unreadable: reason }): ReceivedVerdict[] => {
    if (reason === undefined) return [];
    const wait = verdict === "defer" && { retry_after_s: UNREADABLE_RETRY_S };
    return [{ participant: name, verdict, reason, ms: 0, full: { verdict, reason, ...wait } }];
  });
  return new Map(received.map((one) => [one.participant, one]));
}

/**
 * Whether everyone has answered whose verdict can still change something, or the operator has (G5), or somebody has
 * refused where a refusal counts.
 */
export function isWaitDecided(wait: WaitFacts): boolean {
  const { hook, asked } = wait.question;
  if (wait.received.has(OPERATOR) || wait.received.has(HUB)) return true;
  const received = [...wait.received.values()];
  const isRefused =
    hooks[hook].refusal !== null && countVotes(received, asked).some(({ full }) => isDecisive(full.verdict));
  return (
    isRefused ||
    pendingOf(wait).every(({ group }) => group !== undefined && isGroupDecided(group, received, asked))
  );
}

/** With the verdicts that the silence of those counts as who are out of time. */
export function expirePending(wait: WaitFacts, now: number): ReceivedVerdicts {
  const ms = Math.round(now - beganAt(wait));
  return pendingOf(wait)
    .filter((asked) => now >= deadlineOf(wait, asked))
    .map((asked) => makeTimeoutVerdict(wait.question.hook, asked, { ms, isOff: isOff(wait, asked) }))
    .reduce(withVerdict, wait.received);
}

/**
 * Nobody beyond this host can be heard (G8). With `local` only the host's own participant is waited for. With `stop`,
 * an update that has not begun is deferred; one that has is finished by the rules for participants that do not answer.
 */
export function applyHubOutage(
  wait: WaitFacts,
  { away, trouble: reason }: HubOutage,
  now: number,
): ReceivedVerdicts {
  const { hook, own } = wait.question;
  const ms = Math.round(now - beganAt(wait));
  if (away === "local")
    return pendingOf(wait)
      .filter(({ name }) => name !== own)
      .map(({ name }): ReceivedVerdict => {
        const full = { verdict: "proceed", reason } as const;
        return { participant: name, ...full, ms, timed_out: true, full };
      })
      .reduce(withVerdict, wait.received);
  if (hooks[hook].phase !== "before" || hooks[hook].refusal === null) return wait.received;
  const defer = { verdict: "defer", reason } as const;
  const full = { ...defer, retry_after_s: HUB_RETRY_S };
  return withVerdict(wait.received, { participant: HUB, ...defer, ms, full });
}

/** Milliseconds until the next participant is out of time, at most `tick`. */
export function msUntilNextDeadline(wait: WaitFacts, now: number, tick: number): number {
  const deadlines = pendingOf(wait).map((asked) => deadlineOf(wait, asked) - now);
  return Math.max(1, Math.min(tick, ...deadlines));
}

/** Nobody is there to answer for it any more. */
const isOff = ({ question }: WaitFacts, { name }: AskedParticipant): boolean =>
  question.isOwnOff && name === question.own;

/** Bounds the wait (G6). */
function deadlineOf(wait: WaitFacts, asked: AskedParticipant): number {
  if (isOff(wait, asked)) return wait.startedAt;
  const { name, timeout_ms, max_ms } = asked;
  const { elapsed, atMost } = wait.question;
  const began = beganAt(wait);
  const last = Math.max(began, wait.progress.get(name) ?? began);
  const limit = Math.min(last + timeout_ms, began + max_ms, began + atMost);
  return elapsed > 0 ? Math.max(limit, wait.startedAt + MIN_WAIT_AFTER_RESTART_MS) : limit;
}
