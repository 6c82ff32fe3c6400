// How a container's part of a run ends: the digest is held where it must be, then the journal says so.
import { OPERATOR } from "../../../shared/contract/participants.ts";
import type { DecisionRecord, UpdateResult } from "../../../shared/contract/run-records.ts";
import type { StepTime } from "../../../shared/contract/payloads.ts";
import { dropUpdatedSnapshot } from "../journal/snapshot-store.ts";
import { holdDigest, holdAfterRollback } from "./holds.ts";
import { saveUpdateRecord } from "../journal/update-records.ts";
import { reportRecordedResult } from "../journal/notices.ts";
import type { UpdateEntry, Run } from "../updater.ts";

export interface ResultDetails {
  readonly end: UpdateResult;
  readonly because: string;
  /** Who or what decided it. */
  readonly by: string;
  /** The verdict behind it, where there is one. */
  readonly decided?: DecisionRecord;
  /** The container because of which it was put back, in whose transaction it was. */
  readonly with?: string;
  /** What went wrong was no matter of the image: it may be tried again. */
  readonly isPassing?: boolean;
  /** The same digest is left alone for a while. */
  readonly isPutOff?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly from_digest?: string;
  readonly to_digest?: string;
  readonly from_version?: string;
  readonly to_version?: string;
  readonly downtime_ms?: number;
  readonly steps?: StepTime[];
}

const LOG_LEVEL = { stuck: "error", failed: "warn", rolled_back: "warn" } as const satisfies Partial<
  Record<UpdateResult, string>
>;

export async function finishContainer(run: Run, entry: UpdateEntry, ending: ResultDetails): Promise<void> {
  const { name, reference: image } = entry.facts;
  if (run.journal.findResult(name) !== undefined) return;
  const { decided, isPassing = false, isPutOff: isLater = false, ...told } = attributeToOperator(run, ending);
  // A container that was put back because someone said "defer" may be tried again, like any that was put off.
  const isPutOff = isLater || decided?.verdict === "defer" || (ending.end === "rolled_back" && isPassing);
  const heldAs = isPutOff ? "deferred" : ending.end;
  if (run.isRollback) await holdAfterRollback(run, entry, ending.end);
  else
    await holdDigest(run.bus, {
      ...told,
      container: name,
      digest: entry.digest,
      end: heldAs,
      retryAfterS: decided?.retry_after_s,
    });
  const { to_digest } = told;
  const planned = run.isRollback || told.to === undefined ? to_digest : `${entry.ref.name}@${entry.digest}`;
  if (told.end === "updated") await saveRecord(run, entry, told);
  if (told.end !== "stuck")
    await dropUpdatedSnapshot({ ...run.bus.context, host: run.bus.host }, run.journal.run, name);
  await run.journal.write({
    kind: "ended",
    container: name,
    ...(image !== "" && { image }),
    ...told,
    ...(planned !== undefined && { to_digest: planned }),
    ...timeSinceBegin(run),
  });
  const level = LOG_LEVEL[ending.end as keyof typeof LOG_LEVEL] ?? "info";
  run.log[level](
    {
      container: name,
      end: ending.end,
      because: ending.because,
      from: ending.from,
      to: ending.to,
      from_version: ending.from_version,
      to_version: ending.to_version,
      downtime_ms: ending.downtime_ms,
    },
    "container ended",
  );
  reportRecordedResult(run.notices, run.journal, name);
}

const saveRecord = (
  { bus, journal }: Run,
  { facts }: UpdateEntry,
  { from = "", to = "", from_digest, by }: ResultDetails,
): Promise<void> =>
  saveUpdateRecord({ ...bus.context, host: bus.host }, facts.name, {
    run: journal.run,
    image: facts.reference,
    ...{ from, to, by },
    ...(from_digest !== undefined && { from_digest }),
  });

const describeDecision = (decided: DecisionRecord) => ({
  because: decided.reason ?? "no reason given",
  by: decided.by ?? "",
  decided,
});

/** A hook decided that the container stays as it is; `at` says which, where that is another container's or the run's. */
export function resultOfVerdict(decided: DecisionRecord, at?: string): ResultDetails {
  const { because, ...said } = describeDecision(decided);
  return {
    end: decided.verdict === "defer" ? "deferred" : "refused",
    because: at === undefined ? because : `${at}: ${because}`,
    ...said,
  };
}

/** after_update decided that the old container is put back, and it was. */
export function resultOfRefusedUpdate(decided: DecisionRecord): ResultDetails {
  const { because, ...said } = describeDecision(decided);
  return { end: "rolled_back", because: `${decided.verdict} at after_update: ${because}`, ...said };
}

/** What a rollback came to was the operator's wish; the next one tells by this that it goes forth again. */
const attributeToOperator = ({ isRollback }: Run, ending: ResultDetails): ResultDetails =>
  isRollback && ending.end === "updated"
    ? { ...ending, because: `rolled back by the operator; ${ending.because}`, by: OPERATOR }
    : ending;

function timeSinceBegin({ journal, bus }: Run): { readonly ms?: number } {
  const begun = journal.recordsOf("begun")[0];
  return begun === undefined ? {} : { ms: Math.max(0, bus.clock.now() - Date.parse(begun.at)) };
}
