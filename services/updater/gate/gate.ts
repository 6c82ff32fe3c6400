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
//       later are not waited for, nor the hook-executor where HOOK_EXECUTOR was turned off or on meanwhile.
//   G10 A pending question is published again if the size limit of the streams evicted it, or answers that may not have
//       been read.
//   G11 What somebody has recorded for the digest of the new image counts like an answer, unless an answer to the event
//       is there; what of it cannot be understood counts as a defer.
import { iso } from "../../../shared/clock.ts";
import { Suspended } from "../../../shared/errors.ts";
import type { HookName, Mode } from "../../../shared/contract/hooks.ts";
import { getLastMessage, publish, publishOnce, retryUntilAnswered } from "../../../shared/nats/jetstream.ts";
import type { ImageDigest } from "../../../shared/contract/approvals.ts";
import type { AskedParticipant } from "../../../shared/contract/participants.ts";
import { type DecisionRecord, isPastPlan } from "../../../shared/contract/run-records.ts";
import { STREAMS, eventId, executorParticipant, subjects } from "../../../shared/contract/subjects.ts";
import { type ConcernedContainer, ConcernedContainers } from "./concerned-containers.ts";
import type { Bus } from "../bus.ts";
import type { Approvals } from "./approvals.ts";
import { collectVerdicts } from "./collect-verdicts.ts";
import { decide } from "./decision.ts";
import { type StandingVerdicts, newImagesIn, standingVerdicts } from "./standing-verdicts.ts";
import type { VerdictSignals } from "./verdict-signals.ts";
import { type GateQuestion, makeGateEvent } from "./gate-event.ts";
import type { Journal } from "../journal/journal.ts";
import type { Participants } from "./gate-participants.ts";
import { findEvicted, storeAnew } from "./evicted-messages.ts";

export class Gate {
  readonly #bus: Bus;
  readonly #journal: Journal;
  readonly #participants: Participants;
  readonly #approvals: Approvals;
  readonly #verdictSignals: VerdictSignals;
  readonly #mode: Mode;
  readonly #abouts = new ConcernedContainers();

  constructor(
    bus: Bus,
    journal: Journal,
    parts: {
      participants: Participants;
      approvals: Approvals;
      verdictSignals: VerdictSignals;
      mode: Mode;
    },
  ) {
    this.#bus = bus;
    this.#journal = journal;
    this.#participants = parts.participants;
    this.#approvals = parts.approvals;
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
    const isUnasked = asked.length === 0 && this.#standingFor(question, asked)().size === 0;
    if (isUnasked && !(await this.#isCutOff())) {
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
    return this.#wait(event, question, asked);
  }

  async #wait<N extends HookName>(
    event: string,
    question: GateQuestion<N>,
    asked: AskedParticipant[],
  ): Promise<DecisionRecord> {
    const isResumed = this.#journal.recordsOf("waiting").some((record) => record.event === event);
    const elapsed = await this.#recordWaiting(event, question, asked);
    const { hook, container, atMost = Number.POSITIVE_INFINITY } = question;
    const own = executorParticipant(this.#bus.host.name);
    return collectVerdicts(
      {
        bus: this.#bus,
        verdictSignals: this.#verdictSignals,
        publish: () =>
          isResumed ? this.#publishAgain(event, question, asked) : this.#publish(event, question, asked),
        publishAgain: () => this.#publishAgain(event, question, asked),
        standing: this.#standingFor(question, asked),
        findOutage: async () => ((await this.#isCutOff()) ? this.#bus.hub : undefined),
        decide: async (received) => {
          const decision = decide(hook, received, asked);
          const decided: DecisionRecord = { kind: "decided", event, hook, container, ...decision };
          await this.#journal.write(decided);
          return decided;
        },
      },
      {
        ...{ event, hook, asked, own, elapsed, atMost },
        isNew: !isResumed && question.published === undefined,
        isOwnOff: !this.#bus.context.settings.HOOK_EXECUTOR,
      },
    );
  }

  /** G11. */
  #standingFor<N extends HookName>(
    { hook, container, locals }: GateQuestion<N>,
    asked: readonly AskedParticipant[],
  ): () => StandingVerdicts {
    const newImages = newImagesIn(hook, container, locals);
    const entryOf = (voter: string, image: ImageDigest) => this.#approvals.entryOf(voter, image);
    return () => standingVerdicts({ hook, newImages, asked, entryOf, now: this.#bus.clock.now() });
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
      ...(question.published !== undefined && { before: question.published.at }),
    });
    if (asked.length === 0 || !this.#journal.isResumed) return asked;
    // asked by an earlier process with nobody to ask, else G1 had recorded it
    if (question.published !== undefined) return isPastPlan(this.#journal.records) ? [] : asked;
    const { manager } = this.#bus;
    const subject = this.#subjectOf(event, question);
    const stored = await retryUntilAnswered(this.#bus, () => getLastMessage(manager, STREAMS.hooks, subject));
    return stored === undefined ? asked : [];
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
    if (question.published !== undefined) return;
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

  /** Stores what is lost with its stream (G2) or evicted (G10). */
  async #publishAgain<N extends HookName>(
    event: string,
    question: GateQuestion<N>,
    asked: readonly AskedParticipant[],
  ): Promise<void> {
    const subject = this.#subjectOf(event, question);
    const evicted = await findEvicted(this.#bus, subject);
    if (question.published === undefined)
      await this.#publish(event, question, asked, evicted === "answers" ? publish : publishOnce);
    else if (evicted !== undefined) await storeAnew(this.#bus, subject, question.published.text);
  }

  /** Matters only in update mode, where somebody beyond the host may be asked. */
  async #isCutOff(): Promise<boolean> {
    return this.#mode === "update" && this.#bus.hub.isAway();
  }
}
