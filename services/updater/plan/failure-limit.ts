// Ends a run early in which one update after another goes wrong (STOP_AFTER_FAILURES): what has begun is finished,
// the rest is deferred. Failed pulls do not count, because they say nothing about other images; nor does a container
// that was put back together with another.
import { FailureLimitReached } from "../../../shared/errors.ts";
import type { UpdateResult } from "../../../shared/contract/run-records.ts";
import type { Run } from "../updater.ts";

const FAILED_ENDS: readonly UpdateResult[] = ["rolled_back", "failed", "stuck"];

/** @throws FailureLimitReached */
export function expectBelowFailureLimit(run: Pick<Run, "journal" | "bus">): void {
  const because = whyFailureLimitReached(run);
  if (because !== undefined) throw new FailureLimitReached(because);
}

export function whyFailureLimitReached({ journal, bus }: Pick<Run, "journal" | "bus">): string | undefined {
  const most = bus.context.settings.STOP_AFTER_FAILURES;
  const tried = journal
    .recordsOf("ended")
    .filter((ended) => ended.to !== undefined && ended.with === undefined)
    .filter(({ end }) => [...FAILED_ENDS, "updated"].includes(end));
  const last = tried.slice(-most);
  if (most === 0 || last.length < most || last.some(({ end }) => !FAILED_ENDS.includes(end)))
    return undefined;
  const names = last.map(({ container }) => container).join(", ");
  return `${most} updates of this run went wrong in a row (${names}); the rest is left for later`;
}
