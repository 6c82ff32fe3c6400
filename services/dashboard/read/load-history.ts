// Reads the journal from before the start of the service, from the newest record back, beside the work: the page says
// how far it has come.
import type { FleetView } from "../model/fleet-view.ts";
import { STREAMS } from "../../../shared/contract/subjects.ts";
import type { RunRecordReader } from "../../../shared/nats/run-record-reader.ts";
import type { Observing } from "../../../shared/runtime/run-observer.ts";
import { recordIn } from "./apply-messages.ts";
import type { LoadedFleet } from "./load-fleet.ts";
import { readRange } from "./read-range.ts";

export interface HistoryProgress {
  /** How many records were read, and how many there are to read. */
  readonly read: number;
  readonly of: number;
  readonly done: boolean;
  /** Time of the oldest record that was read; null at first. */
  readonly since: string | null;
}

const CHUNK = 512;
/** What a fleet of hundreds of hosts writes in some days; the rest is too much to read at each start. */
const MAX_RECORDS = 200_000;

export const NO_HISTORY: HistoryProgress = { read: 0, of: 0, done: false, since: null };

/** Ends early where the journal is read anew meanwhile. @throws the NATS client's error. */
export async function loadHistory(
  { manager, signal }: Observing,
  readRecord: RunRecordReader,
  { view, journal }: Omit<LoadedFleet, "epoch">,
  { isCurrent, told }: HistoryListener,
): Promise<void> {
  const oldest = Math.max(1, journal.first, journal.last - MAX_RECORDS + 1); // an empty stream begins with 0
  const of = Math.max(0, journal.last - oldest + 1);
  let since: string | null = null;
  for (let last = journal.last; last >= oldest && !view.history.isFull; last -= CHUNK) {
    const first = Math.max(oldest, last - CHUNK + 1);
    for (const message of (await readRange(manager, STREAMS.runs, { first, last })).reverse()) {
      const record = recordIn(message, readRecord);
      if (record !== undefined) view.addOldRecord(record, message.seq);
      since = message.time.toISOString();
    }
    if (signal.aborted || !isCurrent(view)) return;
    told({ read: journal.last - first + 1, of, done: false, since });
  }
  view.showAllHosts();
  told({ read: of, of, done: true, since });
}

interface HistoryListener {
  readonly isCurrent: (view: FleetView) => boolean;
  readonly told: (progress: HistoryProgress) => void;
}
