// Runs a gate's wait: performs the effects that gate-wait.ts asks for, and tells it what comes of them.
import type { StoredMsg } from "@nats-io/jetstream";
import { Suspended } from "../../../shared/errors.ts";
import { getNextMessage } from "../../../shared/nats/jetstream.ts";
import { type Verdict, parseVerdict } from "../../../shared/contract/messages.ts";
import { STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import type { Bus } from "../bus.ts";
import type { ReceivedVerdict } from "./decision.ts";
import {
  type SubjectToRead,
  type VoterUpdate,
  type WaitEffect,
  type WaitNews,
  type WaitState,
  beginWait,
  reduceWait,
} from "./gate-wait.ts";
import type { StandingVerdicts } from "./standing-verdicts.ts";
import type { VerdictSignals } from "./verdict-signals.ts";
import type { HubOutage, WaitQuestion } from "./wait-verdicts.ts";

/** How many messages on one subject are read before the deadlines and verdicts of the others are checked again. */
const READ_BATCH = 100;

export interface WaitContext<T> {
  readonly bus: Bus;
  readonly verdictSignals: VerdictSignals;
  readonly publish: () => Promise<void>;
  readonly publishAgain: () => Promise<void>;
  /** Undefined if the hub can be reached. */
  readonly findOutage: () => Promise<HubOutage | undefined>;
  /** What is recorded now for the digests that the event is about (G11). */
  readonly standing: () => StandingVerdicts;
  /** Records the decision (G4). */
  readonly decide: (received: readonly ReceivedVerdict[]) => Promise<T>;
}

/** Resolves with the result of `decide`. @throws Suspended if the service stops meanwhile. */
export async function collectVerdicts<T>(context: WaitContext<T>, question: WaitQuestion): Promise<T> {
  using wait = new RunningWait(context, question);
  return await wait.run();
}

class RunningWait<T> implements Disposable {
  readonly #context: WaitContext<T>;
  readonly #event: string;
  readonly #listening: Disposable;
  #state: WaitState;
  /** At most one at a time: each asks for its successor by what comes of it. */
  readonly #effects: WaitEffect[];
  #timer = new AbortController();
  #reconnectsSeen: number;

  constructor(context: WaitContext<T>, question: WaitQuestion) {
    const { bus, verdictSignals } = context;
    const { state, effects } = beginWait(question, bus.clock.monotonic());
    [this.#context, this.#event, this.#state, this.#effects] = [context, question.event, state, [...effects]];
    this.#reconnectsSeen = bus.reconnects.count;
    this.#listening = verdictSignals.listen(question.event, {
      onVerdict: (token) => this.#take({ kind: "signal", token }),
      onProgress: (token) => this.#take({ kind: "progress", token }),
    });
    bus.signal.addEventListener("abort", this.#onAbort, { once: true });
    if (bus.signal.aborted) this.#onAbort();
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
    this.#context.bus.signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#take({ kind: "stopped" });

  #take(news: WaitNews): void {
    const { state, effects } = reduceWait(this.#state, {
      ...news,
      now: this.#context.bus.clock.monotonic(),
    });
    this.#state = state;
    this.#effects.push(...effects);
    if (effects.length > 0) this.#timer.abort();
  }

  async run(): Promise<T> {
    for (;;) {
      const effect = this.#effects.shift();
      if (effect === undefined) throw new Error(`the wait for ${this.#event} has come to nothing`);
      if (effect.kind === "decide") return await this.#decide(effect);
      const news = await this.#perform(effect);
      if (news !== undefined) this.#take(news);
    }
  }

  /** Resolves with what comes of the effect; undefined where a signal came first. */
  async #perform(effect: Exclude<WaitEffect, { kind: "decide" }>): Promise<WaitNews | undefined> {
    const { publish, publishAgain, findOutage, bus } = this.#context;
    switch (effect.kind) {
      case "publish":
      case "publish again":
        await (effect.kind === "publish" ? publish() : publishAgain());
        this.#reconnectsSeen = bus.reconnects.count;
        return { kind: "published" };
      case "read":
        return { kind: "read", updates: await this.#readAll(effect.subjects) };
      case "check the hub": {
        const outage = await findOutage();
        if (this.#reconnectsSeen !== bus.reconnects.count) this.#take({ kind: "reconnected" });
        return { kind: "hub checked", outage, standing: this.#context.standing() };
      }
      case "set timer":
        this.#timer = new AbortController();
        await bus.clock.sleep(effect.ms, this.#timer.signal);
        return this.#timer.signal.aborted ? undefined : { kind: "timer" };
      case "suspend":
        throw new Suspended(`stopped while ${this.#event} was waited for`);
    }
  }

  async #decide({ received, late }: Extract<WaitEffect, { kind: "decide" }>): Promise<T> {
    const decided = await this.#context.decide(received);
    const signaled = [...late, ...this.#state.signaled]; // also while it was recorded
    for (const participant of new Set(signaled))
      this.#context.verdictSignals.onUnawaitedVerdict(this.#event, encodeToken(participant));
    return decided;
  }

  /** Resolves with those subjects that had anything new. */
  async #readAll(toRead: readonly SubjectToRead[]): Promise<VoterUpdate[]> {
    const updates = await Promise.all(toRead.map((subject) => this.#readOn(subject)));
    return updates.filter((update) => update !== undefined);
  }

  /** G3, G7. While NATS is away nothing is read; the next tick looks again. */
  async #readOn({ voter, from }: SubjectToRead): Promise<VoterUpdate | undefined> {
    const subject = subjects.verdict(this.#context.bus.host.name, voter, this.#event);
    let next = from;
    for (let n = 0; n < READ_BATCH; n++) {
      const message = await this.#readNext(subject, next);
      if (message === undefined) return n > 0 ? { voter, more: false } : undefined;
      const verdict = parseStoredVerdict(message);
      this.#take({ kind: "message", voter, sequence: message.seq, verdict });
      if (verdict !== undefined) return { voter, more: false };
      next = message.seq + 1;
    }
    return { voter, more: true };
  }

  async #readNext(subject: string, next: number): Promise<StoredMsg | undefined> {
    const { manager, patience } = this.#context.bus;
    try {
      const message = await getNextMessage(manager, STREAMS.verdicts, subject, next);
      patience.answered();
      return message;
    } catch (error) {
      patience.failed(error);
      return undefined;
    }
  }
}

/** Undefined if the server copied the message from a stream, or it is no verdict. */
export const parseStoredVerdict = (message: StoredMsg): Verdict | undefined =>
  parseVerdict({ text: message.string(), fromStream: message.header.has("Nats-Stream") });
