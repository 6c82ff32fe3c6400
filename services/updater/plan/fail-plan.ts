// Gives up a plan that fails as a whole, time after time; otherwise it would block every other plan of its host. Each
// container without an end is `failed`, reported and held. The caller has already put right what the plan began.
import { explain } from "../../../shared/errors.ts";
import { Journal } from "../journal/journal.ts";
import { Notices, reportRecordedResult } from "../journal/notices.ts";
import type { Updater } from "../updater.ts";
import { holdDigest } from "./holds.ts";
import { effectiveMode } from "./mode.ts";
import type { Plan } from "./plan-message.ts";
import { closeRun } from "./run-plan.ts";

export const MAX_TRIES = 3;

/** Needs only the journal, so a failure of a container cannot happen here. */
export async function failPlan(updater: Updater, plan: Plan, error: unknown): Promise<void> {
  const { bus, fence } = updater;
  const log = bus.context.log.child({ run: plan.run });
  log.error({ err: error, tries: MAX_TRIES }, "plan fails as a whole, and is given up");
  const journal = await Journal.open(bus, plan.run);
  const notices = new Notices(bus, { run: plan.run, mode: effectiveMode(plan, bus.context.settings) });
  await fence.begin({ run: plan.run, plan: plan.event });
  const because = `its plan failed as a whole ${MAX_TRIES} times: ${explain(error)}`;
  for (const { name: container, digest } of plan.containers) {
    if (journal.findResult(container) !== undefined) continue;
    const ending = { container, end: "failed", because, by: "updater" } as const;
    if (!plan.rollback) await holdDigest(bus, { ...ending, digest });
    await journal.write({ kind: "ended", ...ending });
    log.warn(ending, "container ended");
    reportRecordedResult(notices, journal, container);
  }
  const ends = Object.fromEntries(journal.recordsOf("ended").map(({ container, end }) => [container, end]));
  if (journal.recordsOf("finished").length === 0) await journal.write({ kind: "finished", ends, ms: 0 });
  await closeRun(updater, { journal, notices });
}
