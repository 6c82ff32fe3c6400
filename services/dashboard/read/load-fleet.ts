// Reads everything that the page shows at once: buckets, open runs with the verdicts that were given in them, and the
// last lines of the journal. What is older follows by load-history.ts.
import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { inParallel } from "../../../shared/in-parallel.ts";
import { OpenRecord, type RunRecord } from "../../../shared/contract/run-records.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { isToken } from "../../../shared/contract/subject-tokens.ts";
import { BUCKETS, STREAMS } from "../../../shared/contract/subjects.ts";
import { getLastMessage, readMessages } from "../../../shared/nats/jetstream.ts";
import type { RunRecordReader } from "../../../shared/nats/run-record-reader.ts";
import type { Observing } from "../../../shared/runtime/run-observer.ts";
import { FleetView, MAX_LINES } from "../model/fleet-view.ts";
import { lineOf } from "../model/lines.ts";
import type { PendingView } from "../model/pending-view.ts";
import { type ViewSource, epochOf } from "../model/position.ts";
import { applyHeld, applyHost, applyParticipant, hearVerdict, recordIn } from "./apply-messages.ts";
import { readPlannedChanges } from "./event-changes.ts";
import { readRange } from "./read-range.ts";

export const streamOfSource: Readonly<Record<ViewSource, string>> = {
  runs: STREAMS.runs,
  verdicts: STREAMS.verdicts,
  hosts: `KV_${BUCKETS.hosts}`,
  held: `KV_${BUCKETS.held}`,
  participants: `KV_${BUCKETS.participants}`,
};

export interface LoadedFleet {
  readonly view: FleetView;
  readonly epoch: string;
  /** The sequences of the journal that are there. */
  readonly journal: { readonly first: number; readonly last: number };
}

const HOSTS_AT_A_TIME = 32;
const OPEN_OF_ALL = "ouroboros.run.*.open";

/** @throws the NATS client's error. */
export async function loadFleet(observing: Observing, readRecord: RunRecordReader): Promise<LoadedFleet> {
  const { manager } = observing;
  const epoch = await readEpoch(manager);
  const { state } = await manager.streams.info(STREAMS.runs, { subjects_filter: OPEN_OF_ALL });
  const journal = { first: state.first_seq, last: state.last_seq };
  const view = new FleetView();
  const heard = (await manager.streams.info(STREAMS.verdicts)).state.last_seq;
  await readBuckets(manager, view);
  const loading: OpenRuns = { observing, readRecord, view, last: journal.last };
  await inParallel(Object.keys(state.subjects ?? {}), { all: HOSTS_AT_A_TIME }, (subject) =>
    restoreOpenRun(loading, subject),
  );
  await restoreVerdicts(manager, view);
  view.skipTo("verdicts", heard);
  const first = Math.max(1, journal.first, journal.last - MAX_LINES + 1);
  for (const message of await readRange(manager, STREAMS.runs, { first, last: journal.last })) {
    const record = recordIn(message, readRecord);
    const line = record && lineOf(record, message.seq);
    if (line !== undefined) view.addLine(line);
  }
  view.skipTo("runs", journal.last);
  return { view, epoch, journal };
}

/** Changes when one of the streams is another than before. @throws the NATS client's error. */
export const readEpoch = async (manager: JetStreamManager): Promise<string> =>
  epochOf(
    await Promise.all(
      Object.values(streamOfSource).map(async (stream) => (await manager.streams.info(stream)).created),
    ),
  );

async function readBuckets(manager: JetStreamManager, view: FleetView): Promise<void> {
  const buckets = [
    [BUCKETS.hosts, applyHost],
    [BUCKETS.held, applyHeld],
    [BUCKETS.participants, applyParticipant],
  ] as const;
  for (const [bucket, apply] of buckets)
    for await (const message of readMessages(manager, `KV_${bucket}`, `$KV.${bucket}.>`))
      apply(view, message);
}

interface OpenRuns {
  readonly observing: Observing;
  readonly readRecord: RunRecordReader;
  readonly view: FleetView;
  /** Later records follow as those that are new. */
  readonly last: number;
}

async function restoreOpenRun({ observing, readRecord, view, last }: OpenRuns, open: string): Promise<void> {
  const { manager } = observing;
  const message = await getLastMessage(manager, STREAMS.runs, open);
  const run = OpenRecord.safeParse(parseJson(message?.string() ?? "")).data?.run ?? "";
  if (!isToken(run)) return;
  const found: { readonly seq: number; readonly record: RunRecord }[] = [];
  for await (const stored of readMessages(manager, STREAMS.runs, `${open.replace(/open$/, "")}${run}`)) {
    const record = recordIn(stored, readRecord);
    if (record !== undefined && stored.seq <= last) found.push({ seq: stored.seq, record });
  }
  const decided = new Set(found.flatMap(({ record }) => (record.kind === "decided" ? [record.event] : [])));
  for (const { seq, record } of found) {
    const isOpen = record.kind === "waiting" && !decided.has(record.event);
    view.restoreRecord(record, seq, isOpen ? await readPlannedChanges(observing, record) : []);
  }
}

async function restoreVerdicts(manager: JetStreamManager, view: FleetView): Promise<void> {
  const pending = [...view.entities.all("pending")].map(([, value]) => (value as PendingView).event);
  const found = await inParallel(pending, { all: HOSTS_AT_A_TIME }, (event) => readVerdicts(manager, event));
  for (const message of found.flat()) hearVerdict(view, message);
}

/** What was said to the event until now, in order. */
export async function readVerdicts(manager: JetStreamManager, event: string): Promise<StoredMsg[]> {
  const found: StoredMsg[] = [];
  const subject = `ouroboros.verdict.*.*.${event}`;
  for await (const message of readMessages(manager, STREAMS.verdicts, subject)) found.push(message);
  return found;
}
