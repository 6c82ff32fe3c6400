// Plays a wait of the gate without NATS and without time: what is on a verdict subject is read at once, and time goes
// from one happening to the next.
import {
  type WaitEffect,
  type WaitNews,
  type WaitState,
  type VoterUpdate,
  beginWait,
  reduceWait,
} from "../../services/updater/gate/gate-wait.ts";
import type { ReceivedVerdict } from "../../services/updater/gate/decision.ts";
import type { HubOutage, WaitQuestion } from "../../services/updater/gate/wait-verdicts.ts";
import type { Verdict } from "../../shared/contract/messages.ts";
import type { AskedParticipant } from "../../shared/contract/participants.ts";

/** Milliseconds after the event was published. */
export type Happening = { readonly at: number } & (
  | { readonly kind: "stored"; readonly voter: string; readonly verdict?: Verdict }
  /** Recorded for the digest that the event is about. */
  | { readonly kind: "recorded"; readonly voter: string; readonly verdict: Verdict }
  | { readonly kind: "news"; readonly news: WaitNews }
);

export interface PlayedWait {
  readonly end: {
    readonly kind: "decided" | "suspended";
    readonly at: number;
    readonly received: readonly ReceivedVerdict[];
    /** Participant → its verdict. */
    readonly words: Readonly<Record<string, string>>;
  };
  readonly effects: readonly WaitEffect[];
  readonly state: WaitState;
  /** Voter → sequences of its messages that were read. */
  readonly read: Readonly<Record<string, readonly number[]>>;
  /** When the event was published. */
  readonly published: readonly number[];
}

export const askedParticipant = (name: string, timeout_ms = 1000): AskedParticipant => ({
  ...{ name, timeout_ms, max_ms: 3 * timeout_ms, on_timeout: "defer" },
});

/** More rounds than any wait of the tests needs. */
const MAX_EFFECTS = 20_000;

/** By default `before_update`, which `a` and `b` are asked about. `happenings` are in order of time. */
export function playWait(
  question: Partial<WaitQuestion>,
  happenings: readonly Happening[],
  outage?: HubOutage,
): PlayedWait {
  const asked = [askedParticipant("a"), askedParticipant("b")];
  const full: WaitQuestion = {
    ...{ event: "e", hook: "before_update", asked, isNew: false, own: "exec", isOwnOff: false },
    ...{ elapsed: 0, atMost: Infinity },
    ...question,
  };
  return new WaitPlayer(full, happenings, outage).play();
}

class WaitPlayer {
  #now = 0;
  #state: WaitState;
  #pending: WaitEffect[];
  readonly #effects: WaitEffect[] = [];
  readonly #coming: Happening[];
  readonly #standing = new Map<string, Verdict>();
  readonly #subjects: Record<string, (Verdict | undefined)[]> = {};
  readonly #read: Record<string, number[]> = {};
  readonly #published: number[] = [];
  readonly #outage: HubOutage | undefined;

  constructor(question: WaitQuestion, happenings: readonly Happening[], outage: HubOutage | undefined) {
    const { state, effects } = beginWait(question, 0);
    [this.#state, this.#pending, this.#coming, this.#outage] = [state, [...effects], [...happenings], outage];
    this.#letHappen(0);
  }

  play(): PlayedWait {
    for (;;) {
      const effect = this.#pending.shift();
      if (effect === undefined || this.#pending.length > 0 || this.#effects.length > MAX_EFFECTS)
        throw new Error("the wait does not ask for one thing at a time, or never ends");
      this.#effects.push(effect);
      if (effect.kind === "decide") return this.#end("decided", effect.received);
      if (effect.kind === "suspend") return this.#end("suspended", []);
      this.#perform(effect);
    }
  }

  #perform(effect: Exclude<WaitEffect, { readonly kind: "decide" } | { readonly kind: "suspend" }>): void {
    switch (effect.kind) {
      case "publish":
      case "publish again":
        this.#published.push(this.#now);
        return this.#take({ kind: "published" });
      case "read": {
        const updates = effect.subjects.flatMap(({ voter, from }) => this.#readOn(voter, from));
        return this.#take({ kind: "read", updates });
      }
      case "check the hub":
        return this.#take({ kind: "hub checked", outage: this.#outage, standing: this.#standing });
      case "set timer": {
        const end = this.#now + effect.ms;
        this.#letHappen(end);
        if (this.#pending.length > 0) return;
        this.#now = end;
        return this.#take({ kind: "timer" });
      }
    }
  }

  /** Until something wakes the wait. */
  #letHappen(until: number): void {
    for (;;) {
      const next = this.#coming[0];
      if (next === undefined || next.at > until) return;
      this.#coming.shift();
      this.#now = Math.max(this.#now, next.at);
      if (next.kind === "news") this.#take(next.news);
      else if (next.kind === "recorded") this.#standing.set(next.voter, next.verdict);
      else (this.#subjects[next.voter] ??= []).push(next.verdict);
      // what happens at the same time is there before anything is read
      if (this.#pending.length > 0 && this.#coming[0]?.at !== this.#now) return;
    }
  }

  #readOn(voter: string, from: number): VoterUpdate[] {
    const messages = this.#subjects[voter] ?? [];
    for (const [index, verdict] of messages.entries()) {
      const sequence = index + 1;
      if (sequence < from) continue;
      (this.#read[voter] ??= []).push(sequence);
      this.#take({ kind: "message", voter, sequence, verdict });
      if (verdict !== undefined) return [{ voter, more: false }];
    }
    return messages.length >= from ? [{ voter, more: false }] : [];
  }

  #take(news: WaitNews): void {
    const { state, effects } = reduceWait(this.#state, { ...news, now: this.#now });
    this.#state = state;
    this.#pending.push(...effects);
  }

  #end(kind: "decided" | "suspended", received: readonly ReceivedVerdict[]): PlayedWait {
    const words = Object.fromEntries(received.map(({ participant, verdict }) => [participant, verdict]));
    return {
      ...{ end: { kind, at: this.#now, received, words }, effects: this.#effects, state: this.#state },
      ...{ read: this.#read, published: this.#published },
    };
  }
}
