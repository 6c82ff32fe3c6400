// From how a swap went to the container's end: asked about, kept and cleaned up, or put back, and what was updated with it
// likewise (linked-updates.ts: A3). Each way out is a named end.
import type { ContainerInspectInfo } from "dockerode";
import {
  NOT_FOUND,
  ifExists,
  isEngineUnreachable,
  isLeftoverTask,
  statusOf,
} from "../../../shared/docker/engine.ts";
import { Expired, Fenced, FailureLimitReached, Suspended, explain } from "../../../shared/errors.ts";
import { describeManualFix } from "../swap/manual-fix.ts";
import { describeChange } from "../journal/recorded-change.ts";
import {
  type LinkedUpdate,
  type TransactionMember,
  findUpdatedChildren,
  resultInTransaction,
  createSwapTimer,
} from "./linked-updates.ts";
import { cleanUpImage } from "./image-cleanup.ts";
import { type ResultDetails, finishContainer, resultOfRefusedUpdate } from "./finish-container.ts";
import { runLifecycleCommand } from "./lifecycle-command.ts";
import { type UpdatedContainer, askAfterUpdate, removeOldContainer } from "./replace-hooks.ts";
import { NotRecreated } from "../swap/recreate-dependants.ts";
import { type SagaOutcome, undoSteps } from "../swap/saga.ts";
import { startSelfRollback, isThisContainer, recordSuccessor } from "./self-update.ts";
import { describeReplacement } from "../swap/replacement.ts";
import { DOWNTIME_STEPS, type Swap } from "../swap/swap.ts";
import { harmlessSteps } from "../swap/swap-steps.ts";
import { expectNotYielded, lookForReplacement } from "../swap/yield-to-owner.ts";
import type { UpdateEntry, Run } from "../updater.ts";

interface SwapToConclude extends TransactionMember {
  readonly outcome: SagaOutcome;
  /** What was to be updated with it. */
  readonly linkedUpdates: readonly LinkedUpdate[];
  readonly atMost: number | undefined;
}

/** From the swap's outcome to the container's end; also where an earlier process did the swap. @throws Expired */
export async function concludeSwap(run: Run, it: SwapToConclude): Promise<void> {
  const { swap, outcome } = it;
  switch (outcome.kind) {
    case "done":
      await recordSwapped(run, it);
      return confirmUpdate(run, it);
    case "undone": {
      const { cause, failed } = outcome;
      if ([Fenced, Expired, FailureLimitReached].some((kind) => cause instanceof kind)) throw cause;
      if (cause instanceof Suspended || run.hardStop.aborted)
        throw new Suspended(`put back "${failed}"`, { cause });
      await expectNotYielded(swap);
      const culprit = cause instanceof NotRecreated ? cause.container : swap.name;
      return finishAll(run, it, isLinkedUpdate(it, culprit) ? culprit : swap.name, {
        end: harmlessSteps.includes(failed) ? "failed" : "rolled_back",
        because: `"${failed}" failed: ${explain(cause)}`,
        by: "updater",
        isPassing: isTransientFailure(cause) || it.timed?.hadToWait === true,
      });
    }
    case "stuck":
      if (run.hardStop.aborted)
        throw new Suspended("stopped while it was put back", { cause: outcome.cause });
      return finishAll(run, it, swap.name, {
        end: "stuck",
        because: describeManualFix(swap, outcome),
        by: "updater",
      });
  }
}

/** No matter of its image: a prune may have taken the new container or its network. */
const isTransientFailure = (cause: unknown): boolean =>
  isEngineUnreachable(cause) || isLeftoverTask(cause) || statusOf(cause) === NOT_FOUND;

const isLinkedUpdate = ({ linkedUpdates }: SwapToConclude, name: string): boolean =>
  linkedUpdates.some(({ update }) => update.facts.name === name);

/** By the record of a child's ids a later process knows that it was updated in this run. */
async function recordSwapped(run: Run, it: SwapToConclude): Promise<void> {
  const told = ({ swap: { name }, timed }: TransactionMember) =>
    ({ kind: "swapped", container: name, steps: timed?.steps ?? [], ...timed?.downtime }) as const;
  await run.journal.write(told(it));
  for (const child of findUpdatedChildren(it)) {
    const { name: container, old, newImage, successor = "" } = child.swap;
    const ids = { old_id: old.Id, new_id: successor, to: newImage.Id };
    await run.journal.write({ kind: "swapping", container, ...ids });
    await run.journal.write(told(child));
  }
}

/** Nothing of the transaction stays: `ending` is the culprit's. */
async function finishAll(
  run: Run,
  it: SwapToConclude,
  culprit: string,
  ending: ResultDetails,
): Promise<void> {
  const { swap, timed } = it;
  const told = ({ facts: { name } }: UpdateEntry): ResultDetails => {
    const { replacement, kept } = swap.dependants.find((one) => one.name === name) ?? {};
    if (replacement === undefined) return resultInTransaction(name, culprit, ending);
    return { end: "expired", because: describeReplacement(replacement, kept), by: "updater" };
  };
  await finishContainer(run, it.entry, {
    ...timed?.downtime,
    ...(timed && ending.decided === undefined && { steps: timed.steps }),
    ...told(it.entry),
    ...describeChange(swap.oldImage, swap.newImage, swap.old.Config.Image),
  });
  for (const { update } of it.linkedUpdates)
    await finishContainer(run, update, {
      ...told(update),
      ...{ from: update.facts.imageId, to: update.newImage.Id },
    });
}

/** The new containers run and proved themselves: after_update decides whether they stay. */
async function confirmUpdate(run: Run, it: SwapToConclude): Promise<void> {
  const { swap } = it;
  if (isThisContainer(run, swap.successor)) await recordSuccessor(run, swap);
  if (!(await isStillInPlace(swap))) return rollBackUpdate(run, it, swap.name, SUCCESSOR_REMOVED);
  const parent = await inspectMember(it, it);
  const children = await Promise.all(findUpdatedChildren(it).map((child) => inspectMember(child, it)));
  const all = [parent, ...children];
  for (const after of all) {
    const decided = await askAfterUpdate(run, after);
    if (decided.verdict === "proceed") continue;
    return isThisContainer(run, after.successor.Id)
      ? startSelfRollback(run, after.swap, after.successor)
      : rollBackUpdate(run, it, after.swap.name, resultOfRefusedUpdate(decided));
  }
  for (const { swap: one } of all)
    if (!(await isStillInPlace(one))) return rollBackUpdate(run, it, one.name, SUCCESSOR_REMOVED);
  const because = await removeOldContainer(run, parent);
  for (const { entry, swap: one, successor, timed } of all) {
    await runLifecycleCommand(run, "post-update", { container: one.old, id: successor.Id });
    await cleanUpImage(run, one);
    await finishContainer(run, entry, {
      end: "updated",
      because,
      by: "updater",
      ...describeChange(one.oldImage, one.newImage, one.old.Config.Image),
      ...timed?.downtime,
    });
  }
}

async function inspectMember(
  member: TransactionMember,
  { atMost }: SwapToConclude,
): Promise<TransactionMember & UpdatedContainer> {
  const { swap } = member;
  const { docker } = swap.engine;
  const successor = await docker.getContainer(swap.successor ?? swap.name).inspect();
  const gone = (): ContainerInspectInfo => swap.old as unknown as ContainerInspectInfo;
  const old = await docker.getContainer(swap.old.Id).inspect().catch(gone);
  return { ...member, old, successor, atMost };
}

const SUCCESSOR_REMOVED = {
  end: "rolled_back",
  because: "somebody removed the new container before the update was over; the old one was put back",
  by: "updater",
  isPassing: true,
} as const satisfies ResultDetails;

/** The new container is there, and its owner has put no other in its place. */
async function isStillInPlace(swap: Swap): Promise<boolean> {
  const { engine, name, successor = name } = swap;
  const inspect = await ifExists(engine.docker.getContainer(successor).inspect());
  return inspect !== undefined && (await lookForReplacement(swap)) === undefined;
}

/** All of them; `ending` is the culprit's. */
async function rollBackUpdate(
  run: Run,
  it: SwapToConclude,
  culprit: string,
  ending: ResultDetails,
): Promise<void> {
  const { swap, entry, timed } = it;
  using _place = await run.swapSemaphore.take();
  await run.fence.check(run.bus.signal);
  const back = createSwapTimer(run, entry);
  back.onBegin(DOWNTIME_STEPS.from);
  const failures = await undoSteps(run.steps, swap, back);
  if (run.hardStop.aborted && failures.length > 0) throw new Suspended("stopped while it was put back");
  await expectNotYielded(swap);
  const downtime_ms = (timed?.downtime.downtime_ms ?? 0) + (back.downtime.downtime_ms ?? 0);
  const cause = ending.because;
  const stuck = {
    end: "stuck",
    because: describeManualFix(swap, { failed: "put the old container back", cause, left: failures }),
    by: "updater",
  } as const;
  if (failures.length > 0) await finishAll(run, it, swap.name, { ...stuck, downtime_ms });
  else await finishAll(run, it, culprit, { ...ending, downtime_ms });
}
