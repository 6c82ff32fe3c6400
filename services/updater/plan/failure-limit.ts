// A run in which one update after the other goes wrong does not go on to the rest: what is begun is finished, what is not
// is put off. Pulls that fail do not count: they say nothing of other images; nor does what was put back with another.
import { FailureLimitReached } from "../../../shared/errors.ts";
import type { UpdateResult } from "../../../shared/contract/run-records.ts";
import type { Run } from "../updater.ts";

const FAILED_ENDS: readonly UpdateResult[] = ["rolled_back", "failed", "stuck"];

/** @throws Halted */
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
