// How participants answer: how many verdicts of each kind, how fast, how often not in time. Records may be added in any
// order. Pure but for its own memory, which is bounded.
import type { RunRecord } from "../../../shared/contract/run-records.ts";

export interface AnswersView {
  readonly proceed: number;
  readonly refuse: number;
  readonly defer: number;
  /** Of these: how many were none, because its time was over. */
  readonly timed_out: number;
  readonly late: number;
  /** Milliseconds; null where it never answered. */
  readonly median_ms: number | null;
  readonly slowest_ms: number | null;
  /** Its last answer, and the last time that it gave none in time. */
  readonly last: string | null;
  readonly last_silent: string | null;
}

interface Tallied {
  proceed: number;
  refuse: number;
  defer: number;
  timed_out: number;
  late: number;
  times: number[];
  answers: number;
  last: string | null;
  last_silent: string | null;
}

const MAX_TIMES = 500;

export class AnswerTally {
  readonly #byName = new Map<string, Tallied>();

  add(record: RunRecord): void {
    if (record.kind === "late") this.#of(record.participant).late += 1;
    if (record.kind !== "decided") return;
    for (const { participant, verdict, ms, timed_out: isTimedOut } of record.verdicts) {
      const tallied = this.#of(participant);
      tallied[verdict] += 1;
      if (isTimedOut === true) {
        tallied.timed_out += 1;
        tallied.last_silent = later(tallied.last_silent, record.at);
      } else {
        tallied.times[tallied.answers++ % MAX_TIMES] = ms; // the last ones
        tallied.last = later(tallied.last, record.at);
      }
    }
  }

  of(name: string): AnswersView {
    const { times, answers: _, ...counts } = this.#byName.get(name) ?? makeTallied();
    const sorted = times.toSorted((a, b) => a - b);
    return {
      ...counts,
      median_ms: sorted[Math.floor(sorted.length / 2)] ?? null,
      slowest_ms: sorted.at(-1) ?? null,
    };
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  #of(name: string): Tallied {
    const found = this.#byName.get(name) ?? makeTallied();
    this.#byName.set(name, found);
    return found;
  }
}

const later = (before: string | null, at: string): string => (before === null || before < at ? at : before);

const makeTallied = (): Tallied => ({
  proceed: 0,
  refuse: 0,
  defer: 0,
  timed_out: 0,
  late: 0,
  times: [],
  answers: 0,
  last: null,
  last_silent: null,
});
