// Keeps the view up to date: reads what is new whenever it is told that something is, and every other second in any
// case. A NATS that is away, or has lost its data, is waited for; the page says so meanwhile.
import type { StoredMsg } from "@nats-io/jetstream";
import { iso } from "../../../shared/clock.ts";
import type { Observing } from "../../../shared/runtime/run-observer.ts";
import { explain } from "../../../shared/errors.ts";
import { STREAMS } from "../../../shared/contract/subjects.ts";
import { getNextMessage } from "../../../shared/nats/jetstream.ts";
import { type RunRecordReader, makeRunRecordReader } from "../../../shared/nats/run-record-reader.ts";
import { FleetView } from "../model/fleet-view.ts";
import type { ViewId, ViewSource } from "../model/position.ts";
import {
  applyHeld,
  applyHost,
  applyParticipant,
  applyVerdict,
  hearVerdict,
  recordIn,
} from "./apply-messages.ts";
import { readPlannedChanges } from "./event-changes.ts";
import { type LoadedFleet, loadFleet, readEpoch, readVerdicts, streamOfSource } from "./load-fleet.ts";
import { type HistoryProgress, NO_HISTORY, loadHistory } from "./load-history.ts";
import { readRange } from "./read-range.ts";

/** What a page is told beside the views. */
export interface FleetStatus {
  /** `loading`: nothing is shown yet; `away`: NATS does not answer, and what is shown is from `since`. */
  readonly state: "loading" | "live" | "away";
  readonly since: string;
  readonly history: HistoryProgress;
}

const LOOK_MS = 2000;
const CHECK_EPOCH_MS = 15_000;

const RECORDS_AT_A_TIME = 64;

/** Of these the newest of each key is there, or a few: they are read one after the other. */
type StateSource = Exclude<ViewSource, "runs">;
const SUBJECTS: Readonly<Record<StateSource, string>> = {
  verdicts: "ouroboros.verdict.*.*.*",
  hosts: "$KV.OUROBOROS_HOSTS.>",
  held: "$KV.OUROBOROS_HELD.>",
  participants: "$KV.OUROBOROS_PARTICIPANTS.>",
};

export class LiveFleet {
  readonly #observing: Observing;
  readonly #readRecord: RunRecordReader;
  readonly #listeners = new Set<() => void>();
  #view = new FleetView();
  #epoch = "";
  #checkedAt = Number.NEGATIVE_INFINITY;
  #status: FleetStatus;
  #waker = new AbortController();
  #isWoken = false;

  constructor(observing: Observing) {
    this.#observing = observing;
    this.#readRecord = makeRunRecordReader(observing.log);
    this.#status = { state: "loading", since: this.#now(), history: NO_HISTORY };
  }

  get view(): FleetView {
    return this.#view;
  }

  get id(): ViewId {
    return { epoch: this.#epoch, position: this.#view.position };
  }

  get status(): FleetStatus {
    return this.#status;
  }

  /** `changed` is called after each change of view or status. */
  listen(changed: () => void): Disposable {
    this.#listeners.add(changed);
    return { [Symbol.dispose]: () => void this.#listeners.delete(changed) };
  }

  /** Something new is stored. */
  wake(): void {
    this.#isWoken = true;
    this.#waker.abort();
  }

  /** NATS does not answer from now on; it is asked again when it is back. */
  cutOff(): void {
    this.#checkedAt = Number.NEGATIVE_INFINITY;
    if (this.#epoch !== "") this.#setState("away");
  }

  /** Resolves when the signal aborts. */
  async run(): Promise<void> {
    const { clock, signal, log } = this.#observing;
    signal.addEventListener("abort", () => this.#waker.abort(), { once: true });
    while (!signal.aborted) {
      this.#isWoken = false;
      this.#waker = new AbortController();
      try {
        await this.#loadWhereDue();
        await this.#catchUp();
        this.#setState("live");
      } catch (error) {
        log.debug({ because: explain(error) }, "what is new could not be read");
        this.#checkedAt = Number.NEGATIVE_INFINITY;
        this.#setState(this.#epoch === "" ? "loading" : "away");
      }
      if (!this.#isWoken && !signal.aborted) await clock.sleep(LOOK_MS, this.#waker.signal);
    }
  }

  async #loadWhereDue(): Promise<void> {
    const { clock, manager } = this.#observing;
    if (clock.monotonic() - this.#checkedAt < CHECK_EPOCH_MS) return;
    const epoch = await readEpoch(manager);
    if (epoch !== this.#epoch) {
      const loaded = await loadFleet(this.#observing, this.#readRecord);
      this.#view = loaded.view;
      this.#epoch = loaded.epoch;
      this.#status = { ...this.#status, history: NO_HISTORY };
      this.#readHistory(loaded);
      this.#tell();
    }
    this.#checkedAt = clock.monotonic();
  }

  #readHistory(loaded: LoadedFleet): void {
    const told = (history: HistoryProgress): void => {
      this.#status = { ...this.#status, history };
      this.#tell();
    };
    const isCurrent = (view: FleetView): boolean => view === this.#view;
    loadHistory(this.#observing, this.#readRecord, loaded, { isCurrent, told }).catch((error: unknown) => {
      this.#observing.log.debug(
        { because: explain(error) },
        "the history could not be read; it is read again",
      );
      if (!isCurrent(loaded.view)) return;
      [this.#epoch, this.#checkedAt] = ["", Number.NEGATIVE_INFINITY]; // everything anew, once NATS is back
    });
  }

  async #catchUp(): Promise<void> {
    const view = this.#view;
    await this.#readJournal(view);
    await this.#readNew("verdicts", (message) => applyVerdict(view, message));
    await this.#readNew("hosts", (message) => applyHost(view, message));
    await this.#readNew("held", (message) => applyHeld(view, message));
    await this.#readNew("participants", (message) => applyParticipant(view, message));
  }

  /** A fleet writes many records at once: those are read side by side, however far NATS is. */
  async #readJournal(view: FleetView): Promise<void> {
    const { manager, signal } = this.#observing;
    const { state } = await manager.streams.info(STREAMS.runs);
    for (let next = Math.max(view.position.runs + 1, state.first_seq); next <= state.last_seq;) {
      const last = Math.min(next + RECORDS_AT_A_TIME - 1, state.last_seq);
      for (const message of await readRange(manager, STREAMS.runs, { first: next, last })) {
        if (signal.aborted) return;
        await this.#applyRecord(view, message);
        this.#tell();
      }
      view.skipTo("runs", last);
      next = last + 1;
    }
  }

  /** A verdict can be stored before it is known here what it is about: so those of a new question are read with it. */
  async #applyRecord(view: FleetView, message: StoredMsg): Promise<void> {
    const record = recordIn(message, this.#readRecord);
    if (record?.kind !== "waiting") {
      view.addRecord(record, message.seq);
      return;
    }
    const [changes, verdicts] = await Promise.all([
      readPlannedChanges(this.#observing, record),
      readVerdicts(this.#observing.manager, record.event),
    ]);
    view.addRecord(record, message.seq, changes);
    for (const verdict of verdicts) hearVerdict(view, verdict);
  }

  async #readNew(source: StateSource, apply: (message: StoredMsg) => void): Promise<void> {
    const { manager, signal } = this.#observing;
    while (!signal.aborted) {
      const after = this.#view.position[source];
      const message = await getNextMessage(manager, streamOfSource[source], SUBJECTS[source], after + 1);
      if (message === undefined) return;
      apply(message);
      this.#view.skipTo(source, message.seq);
      this.#tell();
    }
  }

  #setState(state: FleetStatus["state"]): void {
    if (state === this.#status.state) return;
    this.#status = { ...this.#status, state, since: this.#now() };
    this.#tell();
  }

  #tell(): void {
    for (const changed of this.#listeners) changed();
  }

  #now(): string {
    return iso(this.#observing.clock.now());
  }
}
