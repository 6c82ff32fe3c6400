// The gate: publishes an event, waits until everyone who must answer has answered or is out of time, records the
// decision.
//   G1  The journal records `waiting`, with the participants, before the event is published.
//   G2  An event is published once, under a deterministic id; a later process publishes the same event.
//   G3  The verdict stream is the truth, and is read from its start: the first valid message on a participant's
//       subject is its verdict. Verdict signals only say when to look.
//   G4  The decision is in the journal before ask() resolves. A recorded decision is never asked for again.
//   G5  The operator is never waited for; the operator's verdict decides a pending question at once.
//   G6  Every wait is bounded, in monotonic time: by the participant's own limits, and by the caller's.
//   G7  Whoever fills a subject with junk delays nobody else.
//   G8  Cut off from the hub of its fleet, a host does what its owner chose: nothing more, or what its own scripts
//       agree to.
//   G9  The list of those who are asked is frozen when the event is published, by whichever process; those who join
//       later are not waited for.
//   G10 A pending question is published again if the size limit of the streams evicted it, or answers that nobody had
//       read.
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

/** How often the stream is read without a signal. */
const TICK_MS = 3000;
/** A signal can arrive before its message can be read: pauses between retries. */
const FIRST_RETRY_MS = 2;
const LAST_RETRY_MS = 256;
/** How often the event of a pending question is stored again, if the stream no longer has it. */
const REPUBLISH_INTERVAL_MS = 10_000;
/** How many messages on one subject are read before the deadlines and verdicts of the others are checked again. */
const READ_BATCH = 100;

export class Gate {
  readonly #bus: Bus;
  readonly #journal: Journal;
  readonly #participants: Participants;
  readonly #verdictSignals: VerdictSignals;
  readonly #mode: Mode;
  readonly #abouts = new ConcernedContainers();

  constructor(
    bus: Bus,
    journal: Journal,
    parts: { participants: Participants; verdictSignals: VerdictSignals; mode: Mode },
  ) {
    this.#bus = bus;
    this.#journal = journal;
    this.#participants = parts.participants;
    this.#verdictSignals = parts.verdictSignals;
    this.#mode = parts.mode;
  }

  /**
   * Resolves with the decision. @throws Suspended if the service stops meanwhile: the next process resumes the same
   * event.
   */
  async ask<N extends HookName>(question: GateQuestion<N>): Promise<DecisionRecord> {
    const event = eventId(this.#journal.run, question.hook, question.container);
    const about = this.#abouts.find(question.hook, question.container, question.locals);
    const before = this.#journal.findDecision(event);
    if (before !== undefined) return before;
    const asked = await this.#askedFor(event, question, about);
    if (asked.length === 0 && !(await this.#isCutOff())) {
      await this.#publish(event, question, asked);
      return {
        kind: "decided",
        event,
        hook: question.hook,
        container: question.container,
        verdict: "proceed",
        verdicts: [],
      };
    }
    const isResumed = this.#journal.recordsOf("waiting").some((record) => record.event === event);
    const elapsed = await this.#recordWaiting(event, question, asked);
    using signals = this.#verdictSignals.listen(event, this.#bus.signal);
    const isEvicted = isResumed && (await areVerdictsEvicted(this.#bus, this.#subjectOf(event, question)));
    await this.#publish(event, question, asked, isEvicted ? publish : publishOnce);
    const received = await this.#collectVerdicts(
      question,
      { event, hook: question.hook, asked, elapsed, atMost: question.atMost ?? Number.POSITIVE_INFINITY },
      signals,
    );
    const decided: DecisionRecord = {
      kind: "decided",
      event,
      hook: question.hook,
      container: question.container,
      ...decide(question.hook, received, asked),
    };
    await this.#journal.write(decided);
    // signaled while the decision was made
    for (const participant of signals.signaled) this.#verdictSignals.onUnawaitedVerdict(event, participant);
    return decided;
  }

  #subjectOf<N extends HookName>(event: string, { hook, container }: GateQuestion<N>): string {
    return subjects.hook({ host: this.#bus.host.name, hook, container, event });
  }

  /** Who is asked (G9). */
  async #askedFor<N extends HookName>(
    event: string,
    question: GateQuestion<N>,
    about: readonly ConcernedContainer[],
  ): Promise<AskedParticipant[]> {
    const recorded = this.#journal.recordsOf("waiting").find((record) => record.event === event);
    if (recorded !== undefined) return recorded.participants;
    const asked = this.#participants.findAsked(question.hook, this.#bus.host.name, {
      executor: this.#bus.context.settings.HOOK_EXECUTOR,
      others: this.#mode === "update",
      about,
      ...(question.publishedAt !== undefined && { before: question.publishedAt }),
    });
    if (asked.length === 0 || !this.#journal.isResumed || question.publishedAt !== undefined) return asked;
    const { manager } = this.#bus;
    const subject = this.#subjectOf(event, question);
    const stored = await retryUntilAnswered(this.#bus, () => getLastMessage(manager, STREAMS.hooks, subject));
    return stored === undefined ? asked : []; // published with nobody to ask, else G1 had recorded it
  }

  /** G1. Resolves with how long the waiting has lasted already, in milliseconds. */
  async #recordWaiting<N extends HookName>(
    event: string,
    question: GateQuestion<N>,
    participants: AskedParticipant[],
  ): Promise<number> {
    const recorded = this.#journal.recordsOf("waiting").find((record) => record.event === event);
    if (recorded !== undefined) return Math.max(0, this.#bus.clock.now() - Date.parse(recorded.at));
    await this.#journal.write({
      kind: "waiting",
      event,
      hook: question.hook,
      container: question.container,
      participants,
      ...(question.atMost !== undefined && { at_most_ms: question.atMost }),
    });
    return 0;
  }

  async #publish<N extends HookName>(
    event: string,
    question: GateQuestion<N>,
    asked: readonly AskedParticipant[],
    send: (...to: Parameters<typeof publishOnce>) => Promise<unknown> = publishOnce,
  ): Promise<void> {
    if (question.publishedAt !== undefined) return;
    const { host, clock, context } = this.#bus;
    const body = makeGateEvent(question, {
      ...{ id: event, host, run: this.#journal.run, mode: this.#mode, time: iso(clock.now()), asked },
      decided: this.#journal.recordsOf("decided"),
      labels: context.settings.EVENT_LABELS,
    });
    const subject = this.#subjectOf(event, question);
    const contentType = "application/cloudevents+json";
    await send(this.#bus, { subject, body, contentType }).catch((error: unknown) => {
      if (this.#bus.signal.aborted)
        throw new Suspended("stopped before an event was stored", { cause: error });
      throw error;
    });
  }

  async #collectVerdicts<N extends HookName>(
    question: GateQuestion<N>,
    options: WaitOptions,
    signals: SignalListener,
  ): Promise<ReceivedVerdict[]> {
    const { clock, signal, reconnects, hub, host } = this.#bus;
    let reconnectsSeen = reconnects.count;
    const wait = new GateWait(options, clock.monotonic());
    let allReadAt = clock.monotonic();
    let storedAt = allReadAt;
    for (let toRead = wait.voters, pause = FIRST_RETRY_MS; ;) {
      const updates = await this.#readAll(wait, toRead);
      wait.expire(clock.monotonic(), signals.progress);
      if (await this.#isCutOff()) wait.applyHubOutage(hub, executorParticipant(host.name), clock.monotonic());
      if (wait.isDecided()) return wait.received;
      if (signal.aborted) throw new Suspended(`stopped while ${options.event} was waited for`);
      if (reconnectsSeen !== reconnects.count || clock.monotonic() - storedAt > REPUBLISH_INTERVAL_MS) {
        // the event may be lost with the store (G2), or evicted (G10)
        await this.#publish(options.event, question, options.asked);
        [reconnectsSeen, storedAt] = [reconnects.count, clock.monotonic()];
      }
      for (const { voter, more } of updates)
        signals.signaled[more ? "add" : "delete"](encodeToken(voter.name));
      const voters = new Set(wait.voters.map(({ name }) => encodeToken(name)));
      for (const token of signals.signaled) if (!voters.has(token)) signals.signaled.delete(token);
      pause = updates.length > 0 || signals.signaled.size === 0 ? FIRST_RETRY_MS : pause * 2;
      if (pause > LAST_RETRY_MS) signals.signaled.clear();
      const isSignaled = signals.signaled.size > 0;
      await signals.waitForNext(
        isSignaled ? pause : wait.msUntilNextDeadline(clock.monotonic(), signals.progress, TICK_MS),
      );
      const isTick = clock.monotonic() - allReadAt >= TICK_MS; // also while somebody signals all the time (G7)
      toRead = wait.voters.filter(
        ({ name }) => isTick || signals.signaled.size === 0 || signals.signaled.has(encodeToken(name)),
      );
      if (toRead.length === wait.voters.length) allReadAt = clock.monotonic();
    }
  }

  /** Matters only in update mode, where somebody beyond the host may be asked. */
  async #isCutOff(): Promise<boolean> {
    return this.#mode === "update" && this.#bus.hub.isAway();
  }

  /** Reads on for each of `voters`; resolves with those that had anything new on their subject. */
  async #readAll(wait: GateWait, voters: readonly Voter[]): Promise<VoterUpdate[]> {
    const read = await Promise.all(voters.map((voter) => this.#readOn(wait, voter)));
    return read.filter((update) => update !== undefined);
  }

  /** G3, G7. While NATS is away nothing is read; the next tick looks again. */
  async #readOn(wait: GateWait, voter: Voter): Promise<VoterUpdate | undefined> {
    const subject = subjects.verdict(this.#bus.host.name, voter.name, wait.event);
    for (let n = 0; n < READ_BATCH; n++) {
      const message = await this.#read(subject, wait.cursorOf(voter));
      if (message === undefined) return n > 0 ? { voter, more: false } : undefined;
      wait.receive(voter, message.seq, parseStoredVerdict(message), this.#bus.clock.monotonic());
      if (wait.hasVerdictOf(voter)) return { voter, more: false };
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

/** A voter that had something new, and whether there may be more. */
interface VoterUpdate {
  readonly voter: Voter;
  readonly more: boolean;
}

/** Undefined if the server copied the message from a stream, or it is no verdict. */
export const parseStoredVerdict = (message: StoredMsg): Verdict | undefined =>
  parseVerdict({ text: message.string(), fromStream: message.header.has("Nats-Stream") });
