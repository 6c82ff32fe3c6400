// Replaces the container that this very process runs in: asks before_self_update, starts a helper
// (self-update-helper.ts) and waits to be stopped. The successor finds the swap on the Engine, like any that an
// earlier process left, and goes on: after_self_update, before_self_cleanup, removal of the old container,
// after_self_cleanup.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { Suspended, explain } from "../../../shared/errors.ts";
import { eventId } from "../../../shared/contract/subjects.ts";
import { finishContainer, verdictAt } from "./finish-container.ts";
import {
  type HelperOutcome,
  awaitHelper,
  removeHelper,
  startHelper,
} from "../containers/helper-container.ts";
import { recoverHost } from "../recover/recover-host.ts";
import type { Swap } from "../swap/swap-state.ts";
import type { UpdateEntry, Run } from "../updater.ts";

export const isThisContainer = ({ bus }: Pick<Run, "bus">, id: string | undefined): boolean =>
  id !== undefined && bus.host.own.includes(id);

/** Resolves only if this container was not replaced. @throws Suspended when this process is stopped. */
export async function startSelfUpdate(
  run: Run,
  {
    facts,
    entry,
    image,
  }: { readonly facts: ContainerInspection; readonly entry: UpdateEntry; readonly image: string },
): Promise<void> {
  const { engine } = run.bus.host;
  const { name } = entry.facts;
  const change = { from: facts.Image, to: image };
  const after = run.journal.findDecision(eventId(run.journal.run, "after_self_update", name));
  if (after !== undefined && after.verdict !== "proceed") {
    const because = `${verdictAt(after, "after_self_update")}: ${after.reason ?? "no reason given"}`;
    await finishContainer(run, entry, {
      end: "rolled_back",
      because,
      by: after.by ?? "",
      decided: after,
      ...change,
    });
    return removeHelper(engine);
  }
  const job = {
    way: "forward",
    run: run.journal.run,
    name,
    old: facts.Id,
    image,
    reference: entry.ref.familiar,
  } as const;
  const outcome =
    run.helperOutcome?.job.run === job.run
      ? run.helperOutcome
      : await runHelperOnce(run, { host: run.bus.host, like: facts, image, job });
  const { bus, hardStop, tagSemaphore } = run;
  const openRun = run.journal.run;
  await recoverHost({ ...bus.context, host: bus.host, hardStop, tagSemaphore, lease: bus.lease, openRun });
  const isUndone = outcome !== undefined && outcome.end !== "done";
  await finishContainer(run, entry, {
    end: outcome?.end === "did not start" ? "failed" : "rolled_back",
    because: isUndone ? outcome.because : "its helper is done, and this container still runs",
    by: "updater",
    ...change,
  });
  await removeHelper(engine);
}

/** The verdict is in the journal: once the old container runs again, its updater ends the entry. @throws Suspended */
export async function startSelfRollback(
  run: Run,
  swap: Swap,
  successor: ContainerInspection,
): Promise<never> {
  const job = {
    way: "back",
    run: run.journal.run,
    name: swap.name,
    old: swap.old.Id,
    image: swap.newImage.Id,
    reference: swap.old.Config.Image,
  } as const;
  await runHelperOnce(run, { host: run.bus.host, like: successor, image: swap.oldImage.Id, job });
  throw new Error("the helper did not put the old container back: this one still runs");
}

async function runHelperOnce(
  { bus, fence, log }: Run,
  helper: Parameters<typeof startHelper>[0],
): Promise<HelperOutcome | undefined> {
  if (bus.signal.aborted) throw new Suspended("stopped before anything was touched");
  await fence.check(bus.signal);
  await bus.lease.release(); // the helper holds it while it works
  try {
    await startHelper(helper);
  } catch (error) {
    const because = `its helper could not be started: ${explain(error)}`;
    return { job: helper.job, end: "did not start", because };
  }
  log.info({ container: helper.job.name, way: helper.job.way }, "a helper replaces this container");
  return awaitHelper(bus.host.engine, bus.clock, bus.signal);
}

/** The helper keeps no journal. This record tells a later process that the container was replaced in this run. */
export async function recordSuccessor(
  { journal }: Run,
  { name, old, newImage, successor = "" }: Swap,
): Promise<void> {
  if (journal.recordsOf("swapping").some(({ new_id }) => new_id === successor)) return;
  await journal.write({
    kind: "swapping",
    container: name,
    old_id: old.Id,
    new_id: successor,
    to: newImage.Id,
  });
}
