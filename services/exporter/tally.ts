// Counts what the events and the journal tell: how updates ended, and which gates wait. A message that is delivered
// twice counts once. Pure.
import type { HookName } from "../../shared/contract/hooks.ts";
import type { RunRecord } from "../../shared/contract/run-records.ts";
import { type EndKind, kindOfEnd } from "../../shared/contract/update-end.ts";
import type { HistogramName } from "./metrics-table.ts";
import type { FinishedNotice } from "./notice-events.ts";
import { RecentIds } from "./recent-ids.ts";

export interface PendingGate {
  readonly host: string;
  readonly run: string;
  readonly hook: HookName;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** `label` is the value of the histogram's only label. */
export type Observe = (histogram: HistogramName, label: string, seconds: number) => void;

/** A gate that nobody ever decides, because its host is gone, is forgotten with its host or when this many wait. */
const MAX_PENDING = 10_000;

export class Tally {
  readonly #observe: Observe;
  readonly #ends = new Map<string, Map<EndKind, number>>();
  readonly #pending = new Map<string, PendingGate>();
  readonly #hosts = new Set<string>();
  readonly #recent = new RecentIds();

  constructor(observe: Observe) {
    this.#observe = observe;
  }

  addNotice(event: FinishedNotice): void {
    const { host, id } = event;
    if (!this.#recent.add(`${host} ${id}`)) return;
    this.#hosts.add(host);
    if (event.notice === "run_finished") {
      this.#observe("ouroboros_run_duration_seconds", host, event.data.ms / 1000);
      return;
    }
    const { downtime_ms } = event.data;
    const kind = kindOfEnd(event.data);
    const ends = this.#ends.get(host) ?? new Map<EndKind, number>();
    this.#ends.set(host, ends.set(kind, (ends.get(kind) ?? 0) + 1));
    if (downtime_ms !== null) this.#observe("ouroboros_container_downtime_seconds", host, downtime_ms / 1000);
  }

  /** A record of the journal, in the order of its run. */
  addRecord(record: RunRecord): void {
    const { host, run } = record;
    if (record.kind === "waiting") {
      if (this.#recent.add(`waiting ${host} ${record.event}`)) this.#startWait(record);
    } else if (record.kind === "decided") {
      if (this.#recent.add(`decided ${host} ${record.event}`)) this.#endWait(record);
    } else if (record.kind === "finished") {
      for (const [key, gate] of this.#pending)
        if (gate.host === host && gate.run === run) this.#pending.delete(key);
    }
  }

  /** Takes over what waits in a run that began before this process did. */
  restorePending(records: readonly RunRecord[]): void {
    for (const record of records) {
      if (record.kind === "waiting") this.#startWait(record);
      if (record.kind === "decided") this.#pending.delete(keyOf(record));
    }
  }

  get ends(): ReadonlyMap<string, ReadonlyMap<EndKind, number>> {
    return this.#ends;
  }

  get pending(): Iterable<PendingGate> {
    return this.#pending.values();
  }

  /** All of which something is counted. */
  get hosts(): ReadonlySet<string> {
    return this.#hosts;
  }

  forgetHost(host: string): void {
    this.#hosts.delete(host);
    this.#ends.delete(host);
    for (const [key, gate] of this.#pending) if (gate.host === host) this.#pending.delete(key);
  }

  #startWait({ host, run, hook, at, event }: RunRecord & { kind: "waiting" }): void {
    this.#hosts.add(host);
    this.#pending.set(keyOf({ host, event }), { host, run, hook, since: Date.parse(at) });
    if (this.#pending.size > MAX_PENDING)
      for (const oldest of this.#pending.keys()) return void this.#pending.delete(oldest);
  }

  /** Where the begin of the wait is unknown, the slowest verdict says how long it was. */
  #endWait(record: RunRecord & { kind: "decided" }): void {
    const gate = this.#pending.get(keyOf(record));
    this.#pending.delete(keyOf(record));
    const slowest = Math.max(0, ...record.verdicts.map(({ ms }) => ms));
    const ms = gate === undefined ? slowest : Date.parse(record.at) - gate.since;
    this.#observe("ouroboros_hook_wait_seconds", record.hook, Math.max(0, ms) / 1000);
  }
}

const keyOf = ({ host, event }: { readonly host: string; readonly event: string }): string =>
  `${host} ${event}`;
