// Takes a container from the outcome of its swap to its end: after_update is asked, then the new container is kept
// and the old one cleaned up, or the old one is put back. Containers updated in the same transaction share that
// (linked-updates.ts: A3). Each way out is a named end.
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
import { DOWNTIME_STEPS } from "../swap/swap.ts";
import type { Swap } from "../swap/swap-state.ts";
import { isHarmless } from "../swap/swap-steps.ts";
import { expectNotYielded, lookForReplacement } from "../swap/yield-to-owner.ts";
import type { UpdateEntry, Run } from "../updater.ts";

interface SwapToConclude extends TransactionMember {
  readonly outcome: SagaOutcome;
  /** The updates that were planned in the same transaction. */
  readonly linkedUpdates: readonly LinkedUpdate[];
  readonly atMost: number | undefined;
}

/** Ends the container by the swap's outcome; also where an earlier process did the swap. @throws Expired */
export async function concludeSwap(run: Run, transaction: SwapToConclude): Promise<void> {
  const { swap, outcome } = transaction;
  switch (outcome.kind) {
    case "done":
      await recordSwapped(run, transaction);
      return confirmUpdate(run, transaction);
    case "undone": {
      const { cause, failed } = outcome;
      if ([Fenced, Expired, FailureLimitReached].some((kind) => cause instanceof kind)) throw cause;
      if (cause instanceof Suspended || run.hardStop.aborted)
        throw new Suspended(`put back "${failed}"`, { cause });
      await expectNotYielded(swap);
      const culprit = cause instanceof NotRecreated ? cause.container : swap.name;
      return finishAll(run, transaction, isLinkedUpdate(transaction, culprit) ? culprit : swap.name, {
        end: isHarmless(failed) ? "failed" : "rolled_back",
        because: `"${failed}" failed: ${explain(cause)}`,
        by: "updater",
        isPassing: isTransientFailure(cause) || transaction.timed?.hadToWait === true,
      });
    }
    case "stuck":
      if (run.hardStop.aborted)
        throw new Suspended("stopped while it was put back", { cause: outcome.cause });
      return finishAll(run, transaction, swap.name, {
        end: "stuck",
        because: describeManualFix(swap, outcome),
        by: "updater",
      });
  }
}

/** Not the image's fault: a prune, for example, may have removed the new container or its network. */
const isTransientFailure = (cause: unknown): boolean =>
  isEngineUnreachable(cause) || isLeftoverTask(cause) || statusOf(cause) === NOT_FOUND;

const isLinkedUpdate = ({ linkedUpdates }: SwapToConclude, name: string): boolean =>
  linkedUpdates.some(({ update }) => update.facts.name === name);

/** The record of a child's ids tells a later process that the child was updated in this run. */
async function recordSwapped(run: Run, transaction: SwapToConclude): Promise<void> {
  const recordOf = ({ swap: { name }, timed }: TransactionMember) =>
    ({ kind: "swapped", container: name, steps: timed?.steps ?? [], ...timed?.downtime }) as const;
  await run.journal.write(recordOf(transaction));
  for (const child of findUpdatedChildren(transaction)) {
    const { name: container, old, newImage, successor = "" } = child.swap;
    const ids = { old_id: old.Id, new_id: successor, to: newImage.Id };
    await run.journal.write({ kind: "swapping", container, ...ids });
    await run.journal.write(recordOf(child));
  }
}

/** Ends every container of a transaction of which nothing stays; `ending` is the culprit's. */
async function finishAll(
  run: Run,
  transaction: SwapToConclude,
  culprit: string,
  ending: ResultDetails,
): Promise<void> {
  const { swap, timed } = transaction;
  const resultFor = ({ facts: { name } }: UpdateEntry): ResultDetails => {
    const { replacement, kept } = swap.dependants.find((dependant) => dependant.name === name) ?? {};
    if (replacement === undefined) return resultInTransaction(name, culprit, ending);
    return { end: "expired", because: describeReplacement(replacement, kept), by: "updater" };
  };
  await finishContainer(run, transaction.entry, {
    ...timed?.downtime,
    ...(timed && ending.decided === undefined && { steps: timed.steps }),
    ...resultFor(transaction.entry),
    ...describeChange(swap.oldImage, swap.newImage, swap.old.Config.Image),
  });
  for (const { update } of transaction.linkedUpdates)
    await finishContainer(run, update, {
      ...resultFor(update),
      ...{ from: update.facts.imageId, to: update.newImage.Id },
    });
}

/** The new containers run and have proved themselves: after_update decides whether they stay. */
async function confirmUpdate(run: Run, transaction: SwapToConclude): Promise<void> {
  const { swap } = transaction;
  if (isThisContainer(run, swap.successor)) await recordSuccessor(run, swap);
  if (!(await isStillInPlace(swap))) return rollBackUpdate(run, transaction, swap.name, SUCCESSOR_REMOVED);
  const parent = await inspectMember(transaction, transaction);
  const children = await Promise.all(
    findUpdatedChildren(transaction).map((child) => inspectMember(child, transaction)),
  );
  const all = [parent, ...children];
  for (const after of all) {
    const decided = await askAfterUpdate(run, after);
    if (decided.verdict === "proceed") continue;
    return isThisContainer(run, after.successor.Id)
      ? startSelfRollback(run, after.swap, after.successor)
      : rollBackUpdate(run, transaction, after.swap.name, resultOfRefusedUpdate(decided));
  }
  for (const { swap: memberSwap } of all)
    if (!(await isStillInPlace(memberSwap)))
      return rollBackUpdate(run, transaction, memberSwap.name, SUCCESSOR_REMOVED);
  const because = await removeOldContainer(run, parent);
  for (const { entry, swap: memberSwap, successor, timed } of all) {
    await runLifecycleCommand(run, "post-update", { container: memberSwap.old, id: successor.Id });
    await cleanUpImage(run, memberSwap);
    await finishContainer(run, entry, {
      end: "updated",
      because,
      by: "updater",
      ...describeChange(memberSwap.oldImage, memberSwap.newImage, memberSwap.old.Config.Image),
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
  transaction: SwapToConclude,
  culprit: string,
  ending: ResultDetails,
): Promise<void> {
  const { swap, entry, timed } = transaction;
  using _slot = await run.swapSemaphore.take();
  await run.fence.check(run.bus.signal);
  const undoTimer = createSwapTimer(run, entry);
  undoTimer.onBegin(DOWNTIME_STEPS.from);
  const failures = await undoSteps(run.steps, swap, undoTimer);
  if (run.hardStop.aborted && failures.length > 0) throw new Suspended("stopped while it was put back");
  await expectNotYielded(swap);
  const downtime_ms = (timed?.downtime.downtime_ms ?? 0) + (undoTimer.downtime.downtime_ms ?? 0);
  const cause = ending.because;
  const stuck = {
    end: "stuck",
    because: describeManualFix(swap, { failed: "put the old container back", cause, left: failures }),
    by: "updater",
  } as const;
  if (failures.length > 0) await finishAll(run, transaction, swap.name, { ...stuck, downtime_ms });
  else await finishAll(run, transaction, culprit, { ...ending, downtime_ms });
}
