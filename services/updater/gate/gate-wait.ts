// The wait of a gate as a pure reducer: an input changes the state and asks for effects, which collect-verdicts.ts
// performs. A wait goes round: it reads verdict subjects, checks the hub, and decides, or sleeps until there may be
// more to read. All times are monotonic milliseconds. G1 to G10 stand in gate.ts.
import type { Verdict } from "../../../shared/contract/messages.ts";
import { OPERATOR } from "../../../shared/contract/participants.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import type { ReceivedVerdict } from "./decision.ts";
import type { StandingVerdicts } from "./standing-verdicts.ts";
import {
  type HubOutage,
  type WaitFacts,
  type WaitQuestion,
  applyHubOutage,
  deferUnreadable,
  expirePending,
  isWaitDecided,
  msUntilNextDeadline,
  receiveVerdict,
  votersOf,
} from "./wait-verdicts.ts";

/** How often the stream is read without a signal. */
const TICK_MS = 3000;
/** A signal can arrive before its message can be read: pauses between retries. */
const FIRST_RETRY_MS = 1;
const LAST_RETRY_MS = 256;
/** How often the event of a pending question is stored again, if the stream no longer has it. */
const REPUBLISH_INTERVAL_MS = 10_000;

export interface WaitState extends WaitFacts {
  /** What the next input ends: an effect, or the wait for a signal. */
  readonly phase: "publishing" | "reading" | "checking the hub" | "publishing again" | "waiting" | "over";
  /** Token → name of those whose signals matter: who was asked, and the operator. */
  readonly names: ReadonlyMap<string, string>;
  /** Whose subjects have more to read, by their signals. */
  readonly signaled: ReadonlySet<string>;
  /** Whose subjects were read last. */
  readonly lastRead: ReadonlySet<string>;
  /** Voter → sequence from which its subject is read on. */
  readonly cursors: ReadonlyMap<string, number>;
  /** What the last reading found. */
  readonly updates: readonly VoterUpdate[];
  /** Before the next retry. */
  readonly retryPause: number;
  readonly allReadAt: number;
  readonly publishedAt: number;
  /** NATS came back after the event was published. */
  readonly isReconnected: boolean;
  /** The service stops. */
  readonly isStopped: boolean;
}

/** The verdict subject of a voter, to be read from a sequence on. */
export interface SubjectToRead {
  readonly voter: string;
  readonly from: number;
}

/** A subject on which something new was read, and whether there may be more. */
export interface VoterUpdate {
  readonly voter: string;
  readonly more: boolean;
}

export type WaitInput = WaitNews & { readonly now: number };

export type WaitNews =
  | { readonly kind: "published" | "timer" | "reconnected" | "stopped" }
  /** A core message: a participant has published a verdict, or is still at work. */
  | { readonly kind: "signal" | "progress"; readonly token: string }
  | ({ readonly kind: "message" } & VerdictMessage)
  | { readonly kind: "read"; readonly updates: readonly VoterUpdate[] }
  | {
      readonly kind: "hub checked";
      readonly outage: HubOutage | undefined;
      /** What is recorded for the digests that the event is about (G11). */
      readonly standing: StandingVerdicts;
    };

interface VerdictMessage {
  readonly voter: string;
  readonly sequence: number;
  /** Undefined for junk. */
  readonly verdict: Verdict | undefined;
}

export type WaitEffect =
  | { readonly kind: "publish" | "publish again" | "check the hub" }
  | { readonly kind: "read"; readonly subjects: readonly SubjectToRead[] }
  | { readonly kind: "set timer"; readonly ms: number }
  | DecideEffect
  | { readonly kind: "suspend" };

interface DecideEffect {
  readonly kind: "decide";
  readonly received: readonly ReceivedVerdict[];
  /** Whose verdicts may have come too late to count: they are recorded. */
  readonly late: readonly string[];
}

export interface WaitStep {
  readonly state: WaitState;
  readonly effects: readonly WaitEffect[];
}

export function beginWait(question: WaitQuestion, now: number): WaitStep {
  const names = [OPERATOR, ...question.asked.map(({ name }) => name)];
  const state: WaitState = {
    ...{ question, startedAt: now, received: deferUnreadable(question), progress: new Map() },
    ...{ phase: "publishing", names: new Map(names.map((name) => [encodeToken(name), name])) },
    ...{ signaled: new Set(), lastRead: new Set(), cursors: new Map(), updates: [] },
    ...{ retryPause: FIRST_RETRY_MS },
    ...{ allReadAt: now, publishedAt: now, isReconnected: false, isStopped: false },
  };
  return { state, effects: [{ kind: "publish" }] };
}

export function reduceWait(state: WaitState, input: WaitInput): WaitStep {
  const { now } = input;
  switch (input.kind) {
    case "published":
      return goOn({ ...state, publishedAt: now, isReconnected: false }, now);
    case "message":
      return withoutEffect(receiveMessage(state, input, now));
    case "read":
      return checkHub(state, input.updates, now);
    case "hub checked": {
      const known = { ...state, received: receiveStanding(state, input.standing, now) };
      return input.outage === undefined
        ? conclude(known, now)
        : conclude({ ...known, received: applyHubOutage(known, input.outage, now) }, now);
    }
    case "signal":
    case "progress": {
      const name = state.names.get(input.token); // anybody else's signals are junk (G7)
      if (name === undefined) return withoutEffect(state);
      return input.kind === "signal"
        ? wake({ ...state, signaled: new Set([...state.signaled, name]) }, now)
        : withoutEffect({ ...state, progress: new Map([...state.progress, [name, now]]) });
    }
    case "timer":
      return wake(state, now);
    case "stopped":
      return wake({ ...state, isStopped: true }, now);
    case "reconnected":
      return withoutEffect({ ...state, isReconnected: true });
  }
}

const withoutEffect = (state: WaitState): WaitStep => ({ state, effects: [] });

function goOn(state: WaitState, now: number): WaitStep {
  if (state.phase !== "publishing") return waitForNext(state, now);
  const started = { ...state, startedAt: now, allReadAt: now };
  return state.question.isNew ? checkHub(started, [], now) : read(started, votersOf(started));
}

function checkHub(state: WaitState, updates: readonly VoterUpdate[], now: number): WaitStep {
  const received = expirePending(state, now);
  return {
    state: { ...state, phase: "checking the hub", updates, received },
    effects: [{ kind: "check the hub" }],
  };
}

function receiveMessage(
  state: WaitState,
  { voter, sequence, verdict }: VerdictMessage,
  now: number,
): WaitState {
  const cursors = new Map([...state.cursors, [voter, sequence + 1]]);
  if (verdict === undefined) return { ...state, cursors };
  return { ...state, cursors, received: receiveVerdict(state, voter, verdict, now) };
}

/** An answer to the event itself comes first, also where it is still to be read (G3). */
const receiveStanding = (state: WaitState, standing: StandingVerdicts, now: number): WaitState["received"] =>
  [...standing]
    .filter(([voter]) => [...state.names.values()].includes(voter) && !isUnread(state, voter))
    .reduce(
      (received, [voter, verdict]) => receiveVerdict({ ...state, received }, voter, verdict, now),
      state.received,
    );

const isUnread = ({ signaled, updates }: WaitState, voter: string): boolean =>
  signaled.has(voter) || updates.some((update) => update.voter === voter && update.more);

/** The end of a round. */
function conclude(state: WaitState, now: number): WaitStep {
  const end = (effect: WaitEffect): WaitStep => ({ state: { ...state, phase: "over" }, effects: [effect] });
  if (isWaitDecided(state))
    return end({ kind: "decide", received: [...state.received.values()], late: lateIn(state) });
  if (state.isStopped) return end({ kind: "suspend" });
  // the event may be lost with the store (G2), or evicted (G10)
  return state.isReconnected || now - state.publishedAt > REPUBLISH_INTERVAL_MS
    ? { state: { ...state, phase: "publishing again" }, effects: [{ kind: "publish again" }] }
    : waitForNext(state, now);
}

/** Those who signaled while the decision was made, and those whose time was over while others were waited for. */
function lateIn({ signaled, received }: WaitState): string[] {
  const outOfTime = [...received.values()].filter((verdict) => verdict.timed_out === true);
  return [...new Set([...signaled, ...outOfTime.map(({ participant }) => participant)])];
}

function waitForNext(state: WaitState, now: number): WaitStep {
  const voters = votersOf(state);
  const isRead = new Set(state.updates.filter(({ more }) => !more).map(({ voter }) => voter));
  const unread = state.updates.filter(({ more }) => more).map(({ voter }) => voter);
  const signaled = [...state.signaled, ...unread].filter(
    (name) => voters.includes(name) && !isRead.has(name),
  );
  if (signaled.some((name) => !state.lastRead.has(name)))
    return readSignaled({ ...state, signaled: new Set(signaled), retryPause: FIRST_RETRY_MS }, now);
  const pause = state.updates.length > 0 ? FIRST_RETRY_MS : state.retryPause;
  const isRetried = signaled.length > 0 && pause <= LAST_RETRY_MS;
  return {
    state: {
      ...{ ...state, phase: "waiting", signaled: new Set(isRetried ? signaled : []) },
      retryPause: isRetried ? pause * 2 : FIRST_RETRY_MS,
    },
    effects: [{ kind: "set timer", ms: isRetried ? pause : msUntilNextDeadline(state, now, TICK_MS) }],
  };
}

/** Begins the next round, if none is under way. */
const wake = (state: WaitState, now: number): WaitStep =>
  state.phase === "waiting" ? readSignaled(state, now) : withoutEffect(state);

/** All subjects where nobody has signaled, and at each tick. */
function readSignaled(state: WaitState, now: number): WaitStep {
  const voters = votersOf(state);
  const isTick = now - state.allReadAt >= TICK_MS; // also while somebody signals all the time (G7)
  const toRead = voters.filter((name) => isTick || state.signaled.size === 0 || state.signaled.has(name));
  return read(toRead.length === voters.length ? { ...state, allReadAt: now } : state, toRead);
}

function read(state: WaitState, voters: readonly string[]): WaitStep {
  const subjects = voters.map((voter) => ({ voter, from: state.cursors.get(voter) ?? 1 }));
  return {
    state: { ...state, phase: "reading", lastRead: new Set(voters) },
    effects: [{ kind: "read", subjects }],
  };
}
