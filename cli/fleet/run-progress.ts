// Follows a run for the operator who requested it and waits: prints what is decided and done, then how the run ended.
import type { Clock } from "../../shared/clock.ts";
import { type ImageChange, formatImageChange } from "../../shared/registry/image-change.ts";
import { getNextMessage } from "../../shared/nats/jetstream.ts";
import { type UpdateResult, type RunRecord, parseRunRecord } from "../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { type RecordedEnd, endInWords, reasonOfEnd } from "../../shared/contract/update-end.ts";
import { EXIT } from "../framework/command.ts";
import type { Fleet } from "./fleet.ts";
import { hookText } from "./read-journal.ts";
import { formatDuration } from "../../shared/runtime/time-text.ts";

const LOOK_AGAIN_MS = 100;

interface FollowOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Yields each record of the run as it is written, until the signal aborts. The last record of a run is `finished`.
 */
export async function* followRun(
  { manager }: Fleet,
  { host, run }: { readonly host: string; readonly run: string },
  { clock, signal }: FollowOptions,
): AsyncGenerator<RunRecord, void> {
  for (let seq = 1; !signal.aborted;) {
    const message = await getNextMessage(manager, STREAMS.runs, subjects.run(host, run), seq);
    if (message === undefined) await clock.sleep(LOOK_AGAIN_MS, signal);
    else seq = message.seq + 1;
    const record = parseRunRecord(message?.string());
    if (record !== undefined) yield record;
  }
}

/** The line to show for a record; undefined for records that do not matter to the operator who waits. */
export function progressLine(record: RunRecord): string | undefined {
  switch (record.kind) {
    case "waiting":
      return record.participants.length === 0
        ? undefined
        : `${hookText(record)}: waits for ${record.participants.map(({ name }) => name).join(", ")}`;
    case "decided":
      return record.verdicts.length === 0
        ? undefined
        : `${hookText(record)}: ${record.verdict}${decidedByText(record.by, record.reason)}`;
    case "swapping":
      return `${record.container}: is replaced`;
    case "applying":
      return `${record.container}: is updated by the swarm`;
    case "reverting":
      return `${record.container}: is rolled back: ${record.because}`;
    case "ended":
      return `${record.container}: ${endText(record)}`;
    case "begun":
    case "did":
    case "swapped":
    case "late":
    case "finished":
      return undefined;
  }
}

const decidedByText = (by: string | undefined, reason: string | undefined): string =>
  `${by === undefined ? "" : ` by ${by}`}${reason === undefined ? "" : `: ${reason}`}`;

interface EndedUpdate extends ImageChange, RecordedEnd {
  readonly because: string;
  readonly downtime_ms?: number | undefined;
}

/** `updated 1.4.2 → 1.5.0, down for 0.2 s: the new container proved itself` */
export function endText(ended: EndedUpdate): string {
  const { end, downtime_ms } = ended;
  const change = end === "updated" ? ` ${formatImageChange(ended)}` : "";
  const down = downtime_ms === undefined ? "" : `, down for ${formatDuration(downtime_ms)}`;
  return `${endInWords(ended)}${change}${down}: ${reasonOfEnd(ended)}`;
}

/** `2 updated, 1 refused` */
export function countEnds(ends: readonly RecordedEnd[]): string {
  const counts = new Map<string, number>();
  for (const words of ends.map(endInWords)) counts.set(words, (counts.get(words) ?? 0) + 1);
  return counts.size === 0 ? "nothing" : [...counts].map(([words, count]) => `${count} ${words}`).join(", ");
}

/** The exit code after a request for one container: by its end, or by all ends where it was named by its id. */
export function exitCodeFor(ends: Readonly<Record<string, UpdateResult>>, container: string): number {
  const own = Object.hasOwn(ends, container) ? ends[container] : undefined;
  const all = own === undefined ? Object.values(ends) : [own];
  if (all.includes("stuck")) return EXIT.wrong.code;
  return all.length > 0 && all.every((end) => end === "updated") ? EXIT.done.code : EXIT.notDone.code;
}
