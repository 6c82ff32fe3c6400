// The state of one wait: who has said what, who is out of time, whether it is decided. Pure; times are monotonic
// milliseconds that the gate hands in.
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";
import type { Verdict } from "../../../shared/contract/messages.ts";
import { type AskedParticipant, OPERATOR } from "../../../shared/contract/participants.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { type ReceivedVerdict, makeTimeoutVerdict } from "./decision.ts";
import type { Hub } from "./hub.ts";
import { isGroupDecided, countVotes } from "./votes.ts";

/** After a restart everyone who has not answered has at least this long. */
const LEFT_AFTER_RESTART_MS = 10_000;

/** Speaks for everyone beyond a host that is cut off. No participant can have the name: it is no token. */
const HUB = "(hub)";
/** When what was put off is tried again. */
const HUB_AGAIN_S = 300;

/** When what an entry that cannot be understood put off is tried again. */
const UNREADABLE_AGAIN_S = 600;

/** It may have to be asked, and nobody knows how: put off; what is begun by then is finished. */
function deferUnreadable(hook: HookName, participant: string, reason: string): ReceivedVerdict {
  const verdict = hooks[hook].phase === "after" ? "proceed" : "defer";
  const full = {
    verdict,
    reason,
    ...(verdict === "defer" && { retry_after_s: UNREADABLE_AGAIN_S }),
  } as const;
  return { participant, verdict, reason, ms: 0, full };
}

/** Whose subject is read. */
export type Voter = Pick<AskedParticipant, "name">;

export interface WaitOptions {
  readonly event: string;
  readonly hook: HookName;
  readonly asked: readonly AskedParticipant[];
  /** How long it lasted before this process. Milliseconds. */
  readonly elapsed: number;
  readonly atMost: number;
}

export class GateWait {
  readonly #wait: WaitOptions;
  readonly #began: number;
  readonly #from: number;
  readonly #cursors = new Map<string, number>();
  readonly #heard = new Map<string, ReceivedVerdict>();

  constructor(wait: WaitOptions, now: number) {
    this.#wait = wait;
    this.#from = now;
    this.#began = now - wait.elapsed;
    for (const asked of wait.asked)
      if (asked.unreadable !== undefined)
        this.#heard.set(asked.name, deferUnreadable(wait.hook, asked.name, asked.unreadable));
  }

  get event(): string {
    return this.#wait.event;
  }

  get received(): ReceivedVerdict[] {
    return [...this.#heard.values()];
  }

  get pending(): AskedParticipant[] {
    return this.#wait.asked.filter((asked) => !this.hasVerdictOf(asked));
  }

  /** Who may still change the decision: those who are waited for, and the operator. */
  get voters(): Voter[] {
    return [...this.pending, { name: OPERATOR }];
  }

  hasVerdictOf(voter: Voter): boolean {
    return this.#heard.has(voter.name);
  }

  cursorOf(voter: Voter): number {
    return this.#cursors.get(voter.name) ?? 1;
  }

  receive(voter: Voter, sequence: number, verdict: Verdict | undefined, now: number): void {
    this.#cursors.set(voter.name, sequence + 1);
    if (verdict === undefined || this.hasVerdictOf(voter)) return;
    const { verdict: word, reason } = verdict;
    const said = {
      participant: voter.name,
      verdict: word,
      ...(reason !== undefined && { reason }),
      ms: Math.round(now - this.#began),
    };
    this.#heard.set(voter.name, { ...said, full: verdict });
  }

  /**
   * All have answered whose word can still change something, or the operator did, or somebody refused where a refusal
   * counts.
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
      this.#heard.set(asked.name, makeTimeoutVerdict(this.#wait.hook, asked, Math.round(now - this.#began)));
    }
  }

  /**
   * Nobody beyond this host can be heard. `local`: its own participant alone is waited for. `stop`: what can still be
   * left as it is is put off; what is begun is finished by the rules for who does not answer.
   */
  applyHubOutage({ away, trouble: reason }: Pick<Hub, "away" | "trouble">, own: string, now: number): void {
    const ms = Math.round(now - this.#began);
    if (away === "local")
      for (const { name } of this.pending.filter((asked) => asked.name !== own))
        this.#heard.set(name, {
          ...{ participant: name, verdict: "proceed", reason, ms, timed_out: true },
          full: { verdict: "proceed", reason },
        });
    else if (hooks[this.#wait.hook].phase === "before" && hooks[this.#wait.hook].refusal !== null)
      this.#heard.set(HUB, {
        ...{ participant: HUB, verdict: "defer", reason, ms },
        full: { verdict: "defer", reason, retry_after_s: HUB_AGAIN_S },
      });
  }

  /** Milliseconds until someone is out of time, at most `tick`. */
  msUntilNextDeadline(now: number, progress: ReadonlyMap<string, number>, tick: number): number {
    const deadlines = this.pending.map((asked) => this.#deadlineOf(asked, progress) - now);
    return Math.max(1, Math.min(tick, ...deadlines));
  }

  /** G6. */
  #deadlineOf({ name, timeout_ms, max_ms }: AskedParticipant, progress: ReadonlyMap<string, number>): number {
    const last = Math.max(this.#began, progress.get(encodeToken(name)) ?? 0);
    const limit = Math.min(last + timeout_ms, this.#began + max_ms, this.#began + this.#wait.atMost);
    return this.#wait.elapsed > 0 ? Math.max(limit, this.#from + LEFT_AFTER_RESTART_MS) : limit;
  }
}
