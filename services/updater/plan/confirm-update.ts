// Takes a container from the outcome of its swap to how it ends: after_update is asked, then the new container is kept
// and the old one removed, or the old one is put back. Each way out is a named end, which record-end.ts records.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import {
  NOT_FOUND,
  ifExists,
  isEngineUnreachable,
  isLeftoverTask,
  statusOf,
} from "../../../shared/docker/engine.ts";
import { Expired, Fenced, FailureLimitReached, Suspended, explain } from "../../../shared/errors.ts";
import { describeManualFix } from "../swap/manual-fix.ts";
import type { SemaphoreHold } from "../semaphore.ts";
import { type TransactionMember, findUpdatedChildren, createSwapTimer } from "./linked-updates.ts";
import { type ResultDetails, resultOfRefusedUpdate } from "./finish-container.ts";
import { type UpdatedContainer, askAfterUpdate, removeOldContainer } from "./replace-hooks.ts";
import type { Transaction, TransactionEnd } from "./record-end.ts";
import { NotRecreated } from "../swap/recreate-dependants.ts";
import { type SagaOutcome, undoSteps } from "../swap/saga.ts";
import { startSelfRollback, isThisContainer, recordSuccessor } from "./self-update.ts";
import { DOWNTIME_STEPS } from "../swap/swap.ts";
import type { Swap } from "../swap/swap-state.ts";
import { isHarmless } from "../swap/swap-steps.ts";
import { lookForReplacement, whyYielded } from "../swap/yield-to-owner.ts";
import type { Run } from "../updater.ts";

/** Also where an earlier process did the swap. `slot`: holds the slot of a rollback. @throws Suspended, Fenced */
export async function confirmUpdate(
  run: Run,
  transaction: Transaction,
  slot: SemaphoreHold,
): Promise<TransactionEnd> {
  const { swap, outcome } = transaction;
  switch (outcome.kind) {
    case "done":
      return keepOrRollBack(run, transaction, slot);
    case "undone":
      return endOfUndone(run, transaction, outcome);
    case "stuck":
      if (run.hardStop.aborted)
        throw new Suspended("stopped while it was put back", { cause: outcome.cause });
      return putBack(swap.name, {
        end: "stuck",
        because: describeManualFix(swap, outcome),
        by: "updater",
      });
  }
}

const putBack = (culprit: string, ending: ResultDetails): TransactionEnd => ({
  kind: "put back",
  culprit,
  ending,
});
const expired = (because: string): TransactionEnd => ({ kind: "dropped", end: "expired", because });

/** A step failed, and everything is undone. */
async function endOfUndone(
  run: Run,
  { swap, linkedUpdates, timed }: Transaction,
  { cause, failed }: SagaOutcome & { readonly kind: "undone" },
): Promise<TransactionEnd> {
  if (cause instanceof Fenced) throw cause;
  if (cause instanceof Expired) return expired(cause.message);
  if (cause instanceof FailureLimitReached)
    return { kind: "dropped", end: "deferred", because: cause.message };
  if (cause instanceof Suspended || run.hardStop.aborted)
    throw new Suspended(`put back "${failed}"`, { cause });
  const yielded = await whyYielded(swap);
  if (yielded !== undefined) return expired(yielded);
  const culprit = cause instanceof NotRecreated ? cause.container : swap.name;
  const isLinked = linkedUpdates.some(({ update }) => update.facts.name === culprit);
  return putBack(isLinked ? culprit : swap.name, {
    end: isHarmless(failed) ? "failed" : "rolled_back",
    because: `"${failed}" failed: ${explain(cause)}`,
    by: "updater",
    isPassing: isTransientFailure(cause) || timed?.hadToWait === true,
  });
}

/** Not the image's fault: a prune, for example, may have removed the new container or its network. */
const isTransientFailure = (cause: unknown): boolean =>
  isEngineUnreachable(cause) || isLeftoverTask(cause) || statusOf(cause) === NOT_FOUND;

/** The new containers run and have proved themselves: after_update decides whether they stay. */
async function keepOrRollBack(
  run: Run,
  transaction: Transaction,
  slot: SemaphoreHold,
): Promise<TransactionEnd> {
  const { swap } = transaction;
  const rollBack = async (culprit: string, ending: ResultDetails): Promise<TransactionEnd> => {
    slot.take(await run.swapSemaphore.take());
    return rollBackUpdate(run, transaction, culprit, ending);
  };
  if (isThisContainer(run, swap.successor)) await recordSuccessor(run, swap);
  if (!(await isStillInPlace(swap))) return rollBack(swap.name, SUCCESSOR_REMOVED);
  const parent = await inspectMember(transaction, transaction);
  const children = await Promise.all(
    findUpdatedChildren(transaction).map((child) => inspectMember(child, transaction)),
  );
  const members = [parent, ...children];
  for (const after of members) {
    const decided = await askAfterUpdate(run, after);
    if (decided.verdict === "proceed") continue;
    return isThisContainer(run, after.successor.Id)
      ? startSelfRollback(run, after.swap, after.successor)
      : rollBack(after.swap.name, resultOfRefusedUpdate(decided));
  }
  for (const { swap: memberSwap } of members)
    if (!(await isStillInPlace(memberSwap))) return rollBack(memberSwap.name, SUCCESSOR_REMOVED);
  return { kind: "kept", members, because: await removeOldContainer(run, parent) };
}

async function inspectMember(
  member: TransactionMember,
  { atMost }: Transaction,
): Promise<TransactionMember & UpdatedContainer> {
  const { swap } = member;
  const { docker } = swap.engine;
  const successor = await docker.getContainer(swap.successor ?? swap.name).inspect();
  const gone = (): ContainerInspection => swap.old;
  const old = await docker.getContainer(swap.old.Id).inspect().catch(gone);
  return { ...member, old, successor, atMost };
}

const SUCCESSOR_REMOVED = {
  end: "rolled_back",
  because: "somebody removed the new container before the update was over; the old one was put back",
  by: "updater",
  isPassing: true,
} as const satisfies ResultDetails;

/** Whether the new container exists and its owner has not put another in its place. */
async function isStillInPlace(swap: Swap): Promise<boolean> {
  const { engine, name, successor = name } = swap;
  const inspect = await ifExists(engine.docker.getContainer(successor).inspect());
  return inspect !== undefined && (await lookForReplacement(swap)) === undefined;
}

/** Puts back every container of the transaction; `ending` is the culprit's. */
async function rollBackUpdate(
  run: Run,
  { swap, entry, timed }: Transaction,
  culprit: string,
  ending: ResultDetails,
): Promise<TransactionEnd> {
  await run.fence.check(run.bus.signal);
  const undoTimer = createSwapTimer(run, entry);
  undoTimer.onBegin(DOWNTIME_STEPS.from);
  const failures = await undoSteps(run.steps, swap, undoTimer);
  if (run.hardStop.aborted && failures.length > 0) throw new Suspended("stopped while it was put back");
  const yielded = await whyYielded(swap);
  if (yielded !== undefined) return expired(yielded);
  const downtime_ms = (timed?.downtime.downtime_ms ?? 0) + (undoTimer.downtime.downtime_ms ?? 0);
  if (failures.length === 0) return putBack(culprit, { ...ending, downtime_ms });
  const failed = { failed: "put the old container back", cause: ending.because, left: failures };
  const because = describeManualFix(swap, failed);
  return putBack(swap.name, { end: "stuck", because, by: "updater", downtime_ms });
}
