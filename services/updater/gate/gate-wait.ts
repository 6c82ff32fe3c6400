// The state of one wait: who has answered, who is out of time, whether it is decided. Pure; the gate passes times in
// as monotonic milliseconds.
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";
import type { Verdict } from "../../../shared/contract/messages.ts";
import { type AskedParticipant, OPERATOR } from "../../../shared/contract/participants.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { type ReceivedVerdict, makeTimeoutVerdict } from "./decision.ts";
import type { Hub } from "./hub.ts";
import { isGroupDecided, countVotes } from "./votes.ts";

/** After a restart everyone who has not answered has at least this long. */
const MIN_WAIT_AFTER_RESTART_MS = 10_000;

/** Answers for everyone beyond a host that is cut off. No participant can have this name: it is no token. */
const HUB = "(hub)";
/** When to try again after a deferral because of the hub. */
const HUB_RETRY_S = 300;

/** When to try again after a deferral because of an entry that cannot be understood. */
const UNREADABLE_RETRY_S = 600;

/**
 * The participant may have to be asked, but nobody knows how: defer. At `after` hooks proceed, to finish what is
 * begun.
 */
function deferUnreadable(hook: HookName, participant: string, reason: string): ReceivedVerdict {
  const verdict = hooks[hook].phase === "after" ? "proceed" : "defer";
  const full = {
    verdict,
    reason,
    ...(verdict === "defer" && { retry_after_s: UNREADABLE_RETRY_S }),
  } as const;
  return { participant, verdict, reason, ms: 0, full };
}

/** Somebody whose verdict subject is read. */
export type Voter = Pick<AskedParticipant, "name">;

export interface WaitOptions {
  readonly event: string;
  readonly hook: HookName;
  readonly asked: readonly AskedParticipant[];
  /** How long the wait lasted before this process. Milliseconds. */
  readonly elapsed: number;
  readonly atMost: number;
}

export class GateWait {
  readonly #wait: WaitOptions;
  readonly #began: number;
  readonly #from: number;
  readonly #cursors = new Map<string, number>();
  readonly #received = new Map<string, ReceivedVerdict>();

  constructor(wait: WaitOptions, now: number) {
    this.#wait = wait;
    this.#from = now;
    this.#began = now - wait.elapsed;
    for (const asked of wait.asked)
      if (asked.unreadable !== undefined)
        this.#received.set(asked.name, deferUnreadable(wait.hook, asked.name, asked.unreadable));
  }

  get event(): string {
    return this.#wait.event;
  }

  get received(): ReceivedVerdict[] {
    return [...this.#received.values()];
  }

  get pending(): AskedParticipant[] {
    return this.#wait.asked.filter((asked) => !this.hasVerdictOf(asked));
  }

  /** Who may still change the decision: the pending participants and the operator. */
  get voters(): Voter[] {
    return [...this.pending, { name: OPERATOR }];
  }

  hasVerdictOf(voter: Voter): boolean {
    return this.#received.has(voter.name);
  }

  cursorOf(voter: Voter): number {
    return this.#cursors.get(voter.name) ?? 1;
  }

  receive(voter: Voter, sequence: number, verdict: Verdict | undefined, now: number): void {
    this.#cursors.set(voter.name, sequence + 1);
    if (verdict === undefined || this.hasVerdictOf(voter)) return;
    const { verdict: word, reason } = verdict;
    const recorded = {
      participant: voter.name,
      verdict: word,
      ...(reason !== undefined && { reason }),
      ms: Math.round(now - this.#began),
    };
    this.#received.set(voter.name, { ...recorded, full: verdict });
  }

  /**
   * Whether everyone has answered whose verdict can still change something, or the operator has, or somebody has
   * refused where a refusal counts.
   */
  isDecided(): boolean {
    const { hook, asked } = this.#wait;
    if (this.hasVerdictOf({ name: OPERATOR }) || this.hasVerdictOf({ name: HUB })) return true;
    const refused =
      hooks[hook].refusal !== null &&
      countVotes(this.received, asked).some(({ full }) => full.verdict === "refuse");
    return (
      refused ||
      this.pending.every(({ group }) => group !== undefined && isGroupDecided(group, this.received, asked))
    );
  }

  expire(now: number, progress: ReadonlyMap<string, number>): void {
    for (const asked of this.pending) {
      if (now < this.#deadlineOf(asked, progress)) continue;
      this.#received.set(
        asked.name,
        makeTimeoutVerdict(this.#wait.hook, asked, Math.round(now - this.#began)),
      );
    }
  }

  /**
   * Nobody beyond this host can be heard. With `local` only the host's own participant is waited for. With `stop`, an
   * update that has not begun is deferred; one that has is finished by the rules for participants that do not answer.
   */
  applyHubOutage({ away, trouble: reason }: Pick<Hub, "away" | "trouble">, own: string, now: number): void {
    const ms = Math.round(now - this.#began);
    if (away === "local")
      for (const { name } of this.pending.filter((asked) => asked.name !== own))
        this.#received.set(name, {
          ...{ participant: name, verdict: "proceed", reason, ms, timed_out: true },
          full: { verdict: "proceed", reason },
        });
    else if (hooks[this.#wait.hook].phase === "before" && hooks[this.#wait.hook].refusal !== null)
      this.#received.set(HUB, {
        ...{ participant: HUB, verdict: "defer", reason, ms },
        full: { verdict: "defer", reason, retry_after_s: HUB_RETRY_S },
      });
  }

  /** Milliseconds until the next participant is out of time, at most `tick`. */
  msUntilNextDeadline(now: number, progress: ReadonlyMap<string, number>, tick: number): number {
    const deadlines = this.pending.map((asked) => this.#deadlineOf(asked, progress) - now);
    return Math.max(1, Math.min(tick, ...deadlines));
  }

  /** Bounds the wait (G6). */
  #deadlineOf({ name, timeout_ms, max_ms }: AskedParticipant, progress: ReadonlyMap<string, number>): number {
    const last = Math.max(this.#began, progress.get(encodeToken(name)) ?? 0);
    const limit = Math.min(last + timeout_ms, this.#began + max_ms, this.#began + this.#wait.atMost);
    return this.#wait.elapsed > 0 ? Math.max(limit, this.#from + MIN_WAIT_AFTER_RESTART_MS) : limit;
  }
}
