// Ends a container's part of a run: holds the digest if it must be held, then records the end in the journal and
// reports it.
import type { HookName } from "../../../shared/contract/hooks.ts";
import { OPERATOR } from "../../../shared/contract/participants.ts";
import type { DecisionRecord, UpdateResult } from "../../../shared/contract/run-records.ts";
import { ROLLED_BACK_BY_OPERATOR } from "../../../shared/contract/update-end.ts";
import type { StepTime } from "../../../shared/contract/payloads.ts";
import { dropUpdatedSnapshot } from "../journal/snapshot-store.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { isSameRepository } from "../../../shared/registry/provenance.ts";
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
  /** The container of the same transaction because of which this one was put back. */
  readonly with?: string;
  /** The failure was not the image's fault: the update may be tried again. */
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

/** What the plan has, as the registry names it; a rollback has it from its record. */
const plannedDigest = (
  run: Run,
  entry: UpdateEntry,
  { to, to_digest }: Pick<ResultDetails, "to" | "to_digest">,
): string | undefined =>
  run.isRollback || to === undefined ? to_digest : `${entry.ref.name}@${entry.digest}`;

export async function finishContainer(run: Run, entry: UpdateEntry, ending: ResultDetails): Promise<void> {
  const { name } = entry.facts;
  const { image, to_image } = referencesOf(entry);
  if (run.journal.findResult(name) !== undefined) return;
  const {
    decided,
    isPassing = false,
    isPutOff: isDeferred = false,
    ...result
  } = attributeToOperator(run, ending);
  // A container that was put back because of a verdict `defer` may be tried again, like any deferred one.
  const isPutOff = isDeferred || decided?.verdict === "defer" || (ending.end === "rolled_back" && isPassing);
  const heldAs = isPutOff ? "deferred" : ending.end;
  if (run.isRollback) await holdAfterRollback(run, entry, ending.end);
  else
    await holdDigest(run.bus, {
      ...result,
      container: name,
      digest: entry.digest,
      image: entry.ref.name,
      end: heldAs,
      retryAfterS: decided?.retry_after_s,
    });
  const planned = plannedDigest(run, entry, result);
  if (result.end === "updated") await saveRecord(run, entry, result);
  if (result.end !== "stuck")
    await dropUpdatedSnapshot({ ...run.bus.context, host: run.bus.host }, run.journal.run, name);
  await run.journal.write({
    kind: "ended",
    container: name,
    ...(image !== "" && { image }),
    ...(to_image !== undefined && { to_image }),
    ...result,
    ...(planned !== undefined && { to_digest: planned }),
    ...timeSinceBegin(run),
  });
  logResult(run, name, result);
  reportRecordedResult(run.notices, run.journal, name);
}

function logResult(run: Run, name: string, ending: Omit<ResultDetails, "decided">): void {
  const level = LOG_LEVEL[ending.end as keyof typeof LOG_LEVEL] ?? "info";
  run.log[level](
    {
      container: name,
      end: ending.end,
      because: ending.because,
      by: ending.by,
      from: ending.from,
      to: ending.to,
      from_version: ending.from_version,
      to_version: ending.to_version,
      downtime_ms: ending.downtime_ms,
    },
    "container ended",
  );
}

/** The container's reference before the update, and the one that the update gives it where that is another. */
function referencesOf({ facts, ref, reference }: UpdateEntry): {
  readonly image: string;
  readonly to_image?: string;
} {
  const now = parseImageRef(facts.reference);
  const before = parseImageRef(reference);
  const isSame = now !== undefined && before !== undefined && isSameRepository(now, before);
  const image = isSame ? reference : facts.reference;
  const isMoved = now !== undefined && parseImageRef(image)?.familiar !== ref.familiar;
  return { image, ...(isMoved && { to_image: ref.familiar }) };
}

const saveRecord = (
  { bus, journal }: Run,
  entry: UpdateEntry,
  { from = "", to = "", from_digest, by }: ResultDetails,
): Promise<void> =>
  saveUpdateRecord({ ...bus.context, host: bus.host }, entry.facts.name, {
    run: journal.run,
    image: referencesOf(entry).image,
    ...{ from, to, by },
    ...(from_digest !== undefined && { from_digest }),
  });

const describeDecision = (decided: DecisionRecord) => ({
  because: decided.reason ?? "no reason given",
  by: decided.by ?? "",
  decided,
});

/**
 * A hook decided that the container stays as it is. `at` names the hook if it was asked about another container or
 * the run.
 */
export function resultOfVerdict(decided: DecisionRecord, at?: string): ResultDetails {
  const { because, ...attribution } = describeDecision(decided);
  return {
    end: decided.verdict === "defer" ? "deferred" : "refused",
    because: at === undefined ? because : `${at}: ${because}`,
    ...attribution,
  };
}

/** after_update decided that the old container is put back, and that was done. */
export function resultOfRefusedUpdate(decided: DecisionRecord): ResultDetails {
  const { because, ...attribution } = describeDecision(decided);
  return { end: "rolled_back", because: `${verdictAt(decided, "after_update")}: ${because}`, ...attribution };
}

/** `refused at after_update`. A new container that somebody puts off does not stay either. */
export const verdictAt = ({ verdict }: Pick<DecisionRecord, "verdict">, hook: HookName): string =>
  `${verdict === "defer" ? "put off" : "refused"} at ${hook}`;

/** A rollback is recorded as the operator's: by this the next rollback knows that it goes forward again. */
const attributeToOperator = ({ isRollback }: Run, ending: ResultDetails): ResultDetails =>
  isRollback && ending.end === "updated"
    ? { ...ending, because: `${ROLLED_BACK_BY_OPERATOR}; ${ending.because}`, by: OPERATOR }
    : ending;

function timeSinceBegin({ journal, bus }: Run): { readonly ms?: number } {
  const begun = journal.recordsOf("begun")[0];
  return begun === undefined ? {} : { ms: Math.max(0, bus.clock.now() - Date.parse(begun.at)) };
}
