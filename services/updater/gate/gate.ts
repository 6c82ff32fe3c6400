// The gate: publish an event, wait until everyone who must answer has answered or is out of time, record the decision.
//   G1  The journal says `waiting`, with the participants, before the event is published.
//   G2  An event is published once, under a deterministic id; a process that comes later publishes the same one.
//   G3  The truth is the verdict stream, read from its start: the first valid message on a participant's subject is its
//       verdict. The doorbell only says when to look.
//   G4  The decision is in the journal before ask() resolves. A recorded decision is never asked for again.
//   G5  The operator is never waited for; the operator's verdict decides at once what is.
//   G6  Waiting is bounded, in monotonic time: by a participant's own limits, and by the caller's.
//   G7  Whoever fills a subject with junk delays nobody but himself.
//   G8  Cut off from its fleet's hub, a host does what its owner chose: nothing more, or what its own scripts agree to.
//   G9  Who is asked is frozen when the event is published, by whichever process: who joins later is not waited for.
//   G10 What is waited for is asked again where the streams' size pushed out the question, or answers that nobody read.
import type { StoredMsg } from "@nats-io/jetstream";
import { iso } from "../../../shared/clock.ts";
import { Suspended } from "../../../shared/errors.ts";
import type { HookName, Mode } from "../../../shared/contract/hooks.ts";
import {
  getLastMessage,
  getNextMessage,
  publish,
  publishOnce,
  retryUntilAnswered,
} from "../../../shared/nats/jetstream.ts";
import { type Verdict, parseVerdict } from "../../../shared/contract/messages.ts";
import type { AskedParticipant } from "../../../shared/contract/participants.ts";
import type { DecisionRecord } from "../../../shared/contract/run-records.ts";
import { STREAMS, eventId, executorParticipant, subjects } from "../../../shared/contract/subjects.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { type ConcernedContainer, ConcernedContainers } from "./concerned-containers.ts";
import type { Bus } from "../bus.ts";
import { type ReceivedVerdict, decide } from "./decision.ts";
import type { VerdictSignals, SignalListener } from "./verdict-signals.ts";
import { type GateQuestion, makeGateEvent } from "./gate-event.ts";
import type { Journal } from "../journal/journal.ts";
import type { Participants } from "./gate-participants.ts";
import { areVerdictsEvicted } from "./evicted-verdicts.ts";
import { type Voter, type WaitOptions, GateWait } from "./gate-wait.ts";

/** How often the stream is read without a ring. */
const TICK_MS = 3000;
/** A ring can come before its message can be read: pauses until it is looked for again. */
const FIRST_LOOK_AGAIN_MS = 2;
const LAST_LOOK_AGAIN_MS = 256;
/** How often an event that is waited for is stored again, if it is no longer there. */
const STORE_AGAIN_MS = 10_000;
/** How many messages on one subject are read before everybody else's time and words are looked at again. */
const AT_A_TIME = 100;

export class Gate {
  readonly #bus: Bus;
  readonly #journal: Journal;
  readonly #participants: Participants;
  readonly #doorbell: VerdictSignals;
  readonly #mode: Mode;
  readonly #abouts = new ConcernedContainers();

  constructor(
    bus: Bus,
    journal: Journal,
    parts: { participants: Participants; doorbell: VerdictSignals; mode: Mode },
  ) {
    this.#bus = bus;
    this.#journal = journal;
    this.#participants = parts.participants;
    this.#doorbell = parts.doorbell;
    this.#mode = parts.mode;
  }

  /** @throws Suspended when the service stops while waiting: the next process goes on with the same event. */
  async ask<N extends HookName>(it: GateQuestion<N>): Promise<DecisionRecord> {
    const event = eventId(this.#journal.run, it.hook, it.container);
    const about = this.#abouts.find(it.hook, it.container, it.locals);
    const before = this.#journal.findDecision(event);
    if (before !== undefined) return before;
    const asked = await this.#askedFor(event, it, about);
    if (asked.length === 0 && !(await this.#isCutOff())) {
      await this.#publish(event, it, asked);
      return {
        kind: "decided",
        event,
        hook: it.hook,
        container: it.container,
        verdict: "proceed",
        verdicts: [],
      };
    }
    const isResumed = this.#journal.recordsOf("waiting").some((record) => record.event === event);
    const elapsed = await this.#recordWaiting(event, it, asked);
    using bell = this.#doorbell.listen(event, this.#bus.signal);
    const again = isResumed && (await areVerdictsEvicted(this.#bus, this.#subjectOf(event, it)));
    await this.#publish(event, it, asked, again ? publish : publishOnce);
    const heard = await this.#hear(
      it,
      { event, hook: it.hook, asked, elapsed, atMost: it.atMost ?? Number.POSITIVE_INFINITY },
      bell,
    );
    const decided: DecisionRecord = {
      kind: "decided",
      event,
      hook: it.hook,
      container: it.container,
      ...decide(it.hook, heard, asked),
    };
    await this.#journal.write(decided);
    for (const participant of bell.signaled) this.#doorbell.onUnawaitedVerdict(event, participant); // rang while it was decided
    return decided;
  }

  #subjectOf<N extends HookName>(event: string, { hook, container }: GateQuestion<N>): string {
    return subjects.hook({ host: this.#bus.host.name, hook, container, event });
  }

  /** G9. */
  async #askedFor<N extends HookName>(
    event: string,
    it: GateQuestion<N>,
    about: readonly ConcernedContainer[],
  ): Promise<AskedParticipant[]> {
    const recorded = this.#journal.recordsOf("waiting").find((record) => record.event === event);
    if (recorded !== undefined) return recorded.participants;
    const asked = this.#participants.findAsked(it.hook, this.#bus.host.name, {
      executor: this.#bus.context.settings.HOOK_EXECUTOR,
      others: this.#mode === "update",
      about,
      ...(it.publishedAt !== undefined && { before: it.publishedAt }),
    });
    if (asked.length === 0 || !this.#journal.isResumed || it.publishedAt !== undefined) return asked;
    const { manager } = this.#bus;
    const subject = this.#subjectOf(event, it);
    const stored = await retryUntilAnswered(this.#bus, () => getLastMessage(manager, STREAMS.hooks, subject));
    return stored === undefined ? asked : []; // published when nobody was asked, or G1 had recorded it
  }

  /** G1. Resolves with how long the waiting has lasted already, in milliseconds. */
  async #recordWaiting<N extends HookName>(
    event: string,
    it: GateQuestion<N>,
    participants: AskedParticipant[],
  ): Promise<number> {
    const recorded = this.#journal.recordsOf("waiting").find((record) => record.event === event);
    if (recorded !== undefined) return Math.max(0, this.#bus.clock.now() - Date.parse(recorded.at));
    await this.#journal.write({
      kind: "waiting",
      event,
      hook: it.hook,
      container: it.container,
      participants,
      ...(it.atMost !== undefined && { at_most_ms: it.atMost }),
    });
    return 0;
  }

  async #publish<N extends HookName>(
    event: string,
    it: GateQuestion<N>,
    asked: readonly AskedParticipant[],
    send: (...to: Parameters<typeof publishOnce>) => Promise<unknown> = publishOnce,
  ): Promise<void> {
    if (it.publishedAt !== undefined) return;
    const { host, clock, context } = this.#bus;
    const body = makeGateEvent(it, {
      ...{ id: event, host, run: this.#journal.run, mode: this.#mode, time: iso(clock.now()), asked },
      decided: this.#journal.recordsOf("decided"),
      labels: context.settings.EVENT_LABELS,
    });
    const subject = this.#subjectOf(event, it);
    const contentType = "application/cloudevents+json";
    await send(this.#bus, { subject, body, contentType }).catch((error: unknown) => {
      if (this.#bus.signal.aborted)
        throw new Suspended("stopped before an event was stored", { cause: error });
      throw error;
    });
  }

  async #hear<N extends HookName>(
    it: GateQuestion<N>,
    wait: WaitOptions,
    bell: SignalListener,
  ): Promise<ReceivedVerdict[]> {
    const { clock, signal, reconnects, hub, host } = this.#bus;
    let comeback = reconnects.count;
    const waiting = new GateWait(wait, clock.monotonic());
    let lookedAtAll = clock.monotonic();
    let stored = lookedAtAll;
    for (let look = waiting.voters, again = FIRST_LOOK_AGAIN_MS; ;) {
      const answered = await this.#readAll(waiting, look);
      waiting.expire(clock.monotonic(), bell.progress);
      if (await this.#isCutOff())
        waiting.applyHubOutage(hub, executorParticipant(host.name), clock.monotonic());
      if (waiting.isDecided()) return waiting.received;
      if (signal.aborted) throw new Suspended(`stopped while ${wait.event} was waited for`);
      if (comeback !== reconnects.count || clock.monotonic() - stored > STORE_AGAIN_MS) {
        await this.#publish(wait.event, it, wait.asked); // it may be lost with the store (G2), or pushed out (G10)
        [comeback, stored] = [reconnects.count, clock.monotonic()];
      }
      for (const { voter, more } of answered) bell.signaled[more ? "add" : "delete"](encodeToken(voter.name));
      const voters = new Set(waiting.voters.map(({ name }) => encodeToken(name)));
      for (const one of bell.signaled) if (!voters.has(one)) bell.signaled.delete(one);
      again = answered.length > 0 || bell.signaled.size === 0 ? FIRST_LOOK_AGAIN_MS : again * 2;
      if (again > LAST_LOOK_AGAIN_MS) bell.signaled.clear();
      const ringing = bell.signaled.size > 0;
      await bell.waitForNext(
        ringing ? again : waiting.msUntilNextDeadline(clock.monotonic(), bell.progress, TICK_MS),
      );
      const isTick = clock.monotonic() - lookedAtAll >= TICK_MS; // also while somebody rings all the time (G7)
      look = waiting.voters.filter(
        ({ name }) => isTick || bell.signaled.size === 0 || bell.signaled.has(encodeToken(name)),
      );
      if (look.length === waiting.voters.length) lookedAtAll = clock.monotonic();
    }
  }

  /** Only where somebody beyond the host may have a say. */
  async #isCutOff(): Promise<boolean> {
    return this.#mode === "update" && this.#bus.hub.isAway();
  }

  /** Reads on for each of them; resolves with those who had anything new on their subject. */
  async #readAll(waiting: GateWait, look: readonly Voter[]): Promise<VoterUpdate[]> {
    const read = await Promise.all(look.map((voter) => this.#readOn(waiting, voter)));
    return read.filter((one) => one !== undefined);
  }

  /** G3, G7. NATS away reads as nothing: the next tick looks again. */
  async #readOn(waiting: GateWait, voter: Voter): Promise<VoterUpdate | undefined> {
    const subject = subjects.verdict(this.#bus.host.name, voter.name, waiting.event);
    for (let n = 0; n < AT_A_TIME; n++) {
      const message = await this.#read(subject, waiting.cursorOf(voter));
      if (message === undefined) return n > 0 ? { voter, more: false } : undefined;
      waiting.receive(voter, message.seq, parseStoredVerdict(message), this.#bus.clock.monotonic());
      if (waiting.hasVerdictOf(voter)) return { voter, more: false };
    }
    return { voter, more: true };
  }

  async #read(subject: string, next: number): Promise<StoredMsg | undefined> {
    const { manager, patience } = this.#bus;
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

/** Who had something new, and whether there may be more of it. */
interface VoterUpdate {
  readonly voter: Voter;
  readonly more: boolean;
}

/** Of a message that the server copied from a stream, or that is no verdict: undefined. */
export const parseStoredVerdict = (message: StoredMsg): Verdict | undefined =>
  parseVerdict({ text: message.string(), fromStream: message.header.has("Nats-Stream") });
