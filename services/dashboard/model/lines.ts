// The live time line: one line for each record that tells something to whoever watches. The page puts it into words, in
// the reader's language. Pure.
import type { RunRecord } from "../../../shared/contract/run-records.ts";
import { kindOfEnd, reasonOfEnd } from "../../../shared/contract/update-end.ts";

export interface TimeLineEntry {
  readonly seq: number;
  readonly at: string;
  readonly host: string;
  readonly run: string;
  readonly container: string | null;
  readonly kind: RunRecord["kind"];
  readonly [more: string]: unknown;
}

/** Undefined for records that would only repeat another. */
export function lineOf(record: RunRecord, seq: number): TimeLineEntry | undefined {
  const { at, host, run, kind } = record;
  const container = "container" in record ? record.container : null;
  const line = { seq, at, host, run, container, kind };
  switch (record.kind) {
    case "begun":
      return { ...line, mode: record.mode, containers: record.containers.slice(0, MAX_NAMES) };
    case "waiting":
      return record.participants.length === 0
        ? undefined
        : {
            ...line,
            hook: record.hook,
            asked: record.participants.map(({ name }) => name).slice(0, MAX_NAMES),
          };
    case "decided":
      return record.verdicts.length === 0
        ? undefined
        : {
            ...line,
            hook: record.hook,
            verdict: record.verdict,
            by: record.by,
            reason: short(record.reason),
          };
    case "late":
      return { ...line, participant: record.participant, verdict: record.verdict };
    case "did":
      return { ...line, step: record.step, ms: record.ms };
    case "swapping":
    case "applying":
      return line;
    case "reverting":
      return { ...line, by: record.by, reason: short(record.because) };
    case "swapped":
      return { ...line, downtime_ms: record.downtime_ms };
    case "ended": {
      const { from_version, to_version, downtime_ms } = record;
      const told = { end: kindOfEnd(record), because: short(reasonOfEnd(record)) };
      return { ...line, ...told, from_version, to_version, downtime_ms };
    }
    case "finished":
      return { ...line, ms: record.ms, count: Object.keys(record.ends).length };
  }
}

const MAX_NAMES = 20;
const MAX_REASON = 500;
const short = (text: string | undefined): string | undefined =>
  text === undefined || text.length <= MAX_REASON ? text : `${text.slice(0, MAX_REASON - 1)}…`;
