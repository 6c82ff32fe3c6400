// Settles recreated dependants and hard dependencies whose parent's swap is over (recover-host.ts: R5, R10): rolls
// them back or keeps them.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { NOT_MODIFIED, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { namespaceParents } from "../create/inspect.ts";
import { dropSnapshot } from "../journal/snapshot-store.ts";
import { wasRunningBefore } from "../swap/swap-dependants.ts";
import { lookForDependants } from "../swap/start-dependants.ts";
import { undoSteps } from "../swap/saga.ts";
import { removeBackup } from "../swap/swap.ts";
import type { SwapContainers } from "../swap/swap-containers.ts";
import { stepsOfContainer, undoFrom } from "../swap/swap-steps.ts";
import { type InterruptedSwap, type SwapRecoveryContext, rebuildSwap } from "./interrupted-swap.ts";
import { type SwapRecoveryResult, resultOfUndo, createRecoveryTimer, CUT_OFF } from "./roll-back-swap.ts";

/** Calls `recover` for each of these swaps, with retries, and records the results. */
export type SettleEach = <Parts extends SwapContainers>(
  parts: readonly Parts[],
  recover: (part: Parts) => Promise<SwapRecoveryResult | undefined>,
) => Promise<void>;

/** R5, R10. Resolves with the names whose verdict only NATS knows. */
export async function settleRecreated(
  context: SwapRecoveryContext,
  left: readonly InterruptedSwap[],
  settle: SettleEach,
): Promise<string[]> {
  const refusals = await Promise.all(left.map((parts) => isRefused(context, parts)));
  const refused = left.filter((_, index) => refusals[index]);
  const rolledBack: string[] = [];
  await settle(refused, async (parts) => {
    const restored = await rollBackRefused(context, parts);
    rolledBack.push(parts.old.Id, ...(restored.swap?.dependants ?? []).map(({ old }) => old.Id));
    return { ...restored, swap: undefined };
  });
  const kept = left.filter(({ old }) => !rolledBack.includes(old.Id));
  await settle(kept, (parts) => keepRecreated(context, parts));
  return context.refused === undefined ? kept.map(({ name }) => name) : [];
}

/** R10: rolls back a hard dependency that has no parent here, with the dependants that were recreated with it. */
async function rollBackRefused(
  context: SwapRecoveryContext,
  parts: InterruptedSwap,
): Promise<SwapRecoveryResult> {
  const { name, run } = parts;
  const log = context.log.child({ container: name, run });
  log.warn("a hook refused the recreation of a hard dependency; it is put back");
  const swap = await rebuildSwap(context, parts);
  await lookForDependants.do(swap);
  const failures = await undoSteps(undoFrom(parts.observed), swap, createRecoveryTimer(context, log));
  if (failures.length === 0) await dropSnapshot(context, run, name);
  return { ...resultOfUndo(swap, { failures, cause: CUT_OFF, isDependant: true, log }), swap };
}

const isRefused = async (context: SwapRecoveryContext, { name, old }: InterruptedSwap): Promise<boolean> =>
  context.refused?.has(name) === true && (await hasParents(context, old));

/** R5. If the parent it was recreated for is gone, only the old container can run. */
async function keepRecreated(
  context: SwapRecoveryContext,
  parts: InterruptedSwap,
): Promise<SwapRecoveryResult | undefined> {
  const { name: container, run } = parts;
  const swap = await rebuildSwap(context, parts);
  if (!(await hasParents(context, parts.next))) {
    const log = context.log.child({ container, run });
    const failures = await undoSteps(stepsOfContainer, swap, createRecoveryTimer(context, log));
    return resultOfUndo(swap, { failures, cause: CUT_OFF, isDependant: true, log });
  }
  if (wasRunningBefore(swap))
    await ignoreStatuses([NOT_MODIFIED], context.host.engine.docker.getContainer(parts.next.Id).start());
  if (context.refused === undefined) {
    context.log.warn(
      { container, run },
      "a dependant that was recreated runs; NATS will tell whether it is kept",
    );
    return undefined;
  }
  await dropSnapshot(context, run, container);
  await removeBackup(swap);
  context.log.warn({ container, run }, "a dependant that was recreated is kept");
  return { container, run, end: "updated", because: "it was recreated with its parent", swap: undefined };
}

/** Do all containers whose namespaces it shares still exist? */
async function hasParents({ host }: SwapRecoveryContext, inspect: ContainerInspection): Promise<boolean> {
  const ids = namespaceParents(inspect);
  const found = await Promise.all(ids.map((id) => ifExists(host.engine.docker.getContainer(id).inspect())));
  return !found.includes(undefined);
}
