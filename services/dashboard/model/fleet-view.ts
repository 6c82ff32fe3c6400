// All that the page shows: takes what streams and buckets say, message by message, and keeps the values of each topic.
// Pure but for its own memory, which is bounded. What each message does is decided by the files beside this one.
//
// F1  A message is applied once: one that is not newer than the position of its source changes nothing.
import type { HeldEntry } from "../../../shared/contract/held-entry.ts";
import type { HostEntry } from "../../../shared/contract/host-entry.ts";
import type { RunRecord } from "../../../shared/contract/run-records.ts";
import { type EndKind, kindOfEnd } from "../../../shared/contract/update-end.ts";
import { AnswerTally } from "./answers.ts";
import { Entities, type ViewChange } from "./entities.ts";
import { UpdateHistory } from "./history.ts";
import { containerViews, hostView } from "./host-view.ts";
import { type TimeLineEntry, lineOf } from "./lines.ts";
import {
  type HeardVerdict,
  type PendingView,
  type PlannedChange,
  pendingKey,
  pendingOf,
  withVerdict,
} from "./pending-view.ts";
import { type Position, START, type ViewSource } from "./position.ts";
import { type RunView, reduceRun, runKey } from "./run-view.ts";

/** A record with its sequence, for the page of its run. */
export interface NumberedRecord {
  readonly seq: number;
  readonly record: RunRecord;
  /** Of the record of a container's end. */
  readonly end?: EndKind;
}

export const numberedRecord = (record: RunRecord, seq: number): NumberedRecord => ({
  ...{ seq, record },
  ...(record.kind === "ended" && { end: kindOfEnd(record) }),
});

type HeardEvent = HeardVerdict & { readonly host: string; readonly event: string };

export const MAX_LINES = 300;
/** Runs that are over and listed, and of which the records are kept. */
const MAX_CLOSED_RUNS = 50;
const MAX_RECENT_RESULTS = 500;

export class FleetView {
  readonly entities = new Entities();
  readonly history = new UpdateHistory();
  readonly answers = new AnswerTally();
  readonly #entries = new Map<string, HostEntry>();
  readonly #held = new Map<string, Map<string, HeldEntry>>();
  readonly #records = new Map<string, NumberedRecord[]>();
  readonly #closedRuns: string[] = [];
  readonly #lines: string[] = [];
  readonly #results: string[] = [];
  #position: Position = START;

  get position(): Position {
    return this.#position;
  }

  /** Everything of the source up to `seq` is known, though not each message was looked at. */
  skipTo(source: ViewSource, seq: number): void {
    if (seq > this.#position[source]) this.#position = { ...this.#position, [source]: seq };
  }

  /** Hosts that have an entry, or a run. */
  get hosts(): readonly string[] {
    return [...this.#entries.keys()];
  }

  recordsOf(host: string, run: string): readonly NumberedRecord[] | undefined {
    return this.#records.get(runKey(host, run));
  }

  pendingEvent(host: string, event: string): PendingView | undefined {
    return this.entities.get("pending", pendingKey(host, event)) as PendingView | undefined;
  }

  /** `changes`: what the record's event is about, which the journal does not say. */
  addRecord(record: RunRecord | undefined, seq: number, changes: readonly PlannedChange[] = []): void {
    if (!this.#isNew("runs", seq)) return;
    if (record !== undefined) {
      this.restoreRecord(record, seq, changes);
      const line = lineOf(record, seq);
      if (line !== undefined) this.addLine(line);
    }
    this.skipTo("runs", seq);
  }

  /** As addRecord, for the records of an open run from before the position: in their order. */
  restoreRecord(record: RunRecord, seq: number, changes: readonly PlannedChange[] = []): void {
    const key = runKey(record.host, record.run);
    const records = this.#records.get(key) ?? [];
    if ((records.at(-1)?.seq ?? 0) >= seq) return;
    records.push(numberedRecord(record, seq));
    this.#records.set(key, records);
    const run = reduceRun(this.entities.get("runs", key) as RunView | undefined, record);
    this.#set({ topic: "runs", key, value: run }, "runs", seq);
    this.#follow(record, seq, changes);
    this.#addResult(record, seq);
    this.answers.add(record);
  }

  /** A record from before the start of the service, in any order. */
  addOldRecord(record: RunRecord, seq: number): void {
    if (this.recordsOf(record.host, record.run)?.some((known) => known.seq === seq) === true) return;
    this.history.add(record, seq);
    this.answers.add(record);
  }

  addLine(line: TimeLineEntry): void {
    const key = String(line.seq);
    this.#set({ topic: "lines", key, value: line }, "runs", line.seq);
    this.#keep(this.#lines, key, MAX_LINES, (old) => this.entities.drop("lines", old));
  }

  addVerdict(heard: HeardEvent | undefined, seq: number): void {
    if (!this.#isNew("verdicts", seq)) return;
    if (heard !== undefined) this.hear(heard, seq);
    this.skipTo("verdicts", seq);
  }

  hear({ host, event, ...verdict }: HeardEvent, seq: number): void {
    const pending = this.pendingEvent(host, event);
    if (pending === undefined) return;
    const value = withVerdict(pending, verdict);
    this.#set({ topic: "pending", key: pendingKey(host, event), value }, "verdicts", seq);
  }

  /** With what was read of the past. Pages ask anew when they are told that it was. */
  showAllHosts(): void {
    for (const host of this.#entries.keys()) this.#showHost(host, "runs", this.#position.runs);
  }

  setHost(host: string, entry: HostEntry | undefined, seq: number): void {
    if (!this.#isNew("hosts", seq)) return;
    if (entry === undefined) this.#entries.delete(host);
    else this.#entries.set(host, entry);
    this.#showHost(host, "hosts", seq);
    this.skipTo("hosts", seq);
  }

  setHeld(host: string, container: string, entry: HeldEntry | undefined, seq: number): void {
    if (!this.#isNew("held", seq)) return;
    const held = this.#held.get(host) ?? new Map<string, HeldEntry>();
    if (entry === undefined) held.delete(container);
    else held.set(container, entry);
    this.#held.set(host, held);
    this.#showHost(host, "held", seq);
    this.skipTo("held", seq);
  }

  setParticipant(name: string, value: unknown, seq: number): void {
    if (!this.#isNew("participants", seq)) return;
    this.#set({ topic: "participants", key: name, value: value ?? null }, "participants", seq);
    this.skipTo("participants", seq);
  }

  #isNew(source: ViewSource, seq: number): boolean {
    return seq > this.#position[source];
  }

  #set(change: ViewChange, source: ViewSource, seq: number): void {
    this.entities.set(change, source, seq);
  }

  /** What the record does to the events that wait, and to the run. */
  #follow(record: RunRecord, seq: number, changes: readonly PlannedChange[]): void {
    switch (record.kind) {
      case "begun":
        for (const [, other] of this.entities.all("runs")) {
          const before = other as RunView;
          const { host, run, finished } = before;
          if (host !== record.host || run === record.run || finished !== undefined) continue;
          const value: RunView = { ...before, finished: record.at };
          this.#set({ topic: "runs", key: runKey(host, run), value }, "runs", seq);
          this.#close(host, run, seq);
        }
        break;
      case "waiting":
        if (record.participants.length > 0) {
          const value = { ...pendingOf(record), changes };
          this.#set({ topic: "pending", key: pendingKey(record.host, record.event), value }, "runs", seq);
        }
        break;
      case "decided":
        this.#set({ topic: "pending", key: pendingKey(record.host, record.event), value: null }, "runs", seq);
        break;
      case "finished":
        this.#close(record.host, record.run, seq);
        break;
      case "late":
      case "did":
      case "swapping":
      case "swapped":
      case "applying":
      case "reverting":
      case "ended":
        break;
    }
  }

  /** Nothing of the run is awaited any more. A host makes one at a time: a new one ends what was left of another. */
  #close(host: string, run: string, seq: number): void {
    for (const [key, pending] of this.entities.all("pending")) {
      const { host: where, run: which } = pending as PendingView;
      if (where === host && which === run) this.#set({ topic: "pending", key, value: null }, "runs", seq);
    }
    this.#keep(this.#closedRuns, runKey(host, run), MAX_CLOSED_RUNS, (old) => {
      this.entities.drop("runs", old);
      this.#records.delete(old);
    });
  }

  #addResult(record: RunRecord, seq: number): void {
    const ended = this.history.add(record, seq);
    if (ended === undefined) return;
    this.#set({ topic: "results", key: String(seq), value: ended }, "runs", seq);
    this.#keep(this.#results, String(seq), MAX_RECENT_RESULTS, (old) => this.entities.drop("results", old));
    if (this.#entries.has(record.host)) this.#showHost(record.host, "runs", seq);
  }

  #keep(keys: string[], key: string, most: number, drop: (old: string) => void): void {
    if (!keys.includes(key)) keys.push(key);
    while (keys.length > most) drop(keys.shift() ?? "");
  }

  #showHost(host: string, source: ViewSource, seq: number): void {
    const entry = this.#entries.get(host);
    const held = this.#held.get(host) ?? new Map<string, HeldEntry>();
    const value = entry === undefined ? null : hostView(host, entry, held);
    this.#set({ topic: "hosts", key: host, value }, source, seq);
    const containers = entry && containerViews(entry, held, (name) => this.history.lastOf(host, name));
    this.#set({ topic: "containers", key: host, value: containers ?? null }, source, seq);
  }
}
