// Dependants and hard dependencies that were recreated, and whose parent is over (recover-host.ts: R5, R10).
import type { ContainerInspectInfo } from "dockerode";
import { NOT_MODIFIED, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { namespaceParents } from "../create/inspect.ts";
import { dropSnapshot } from "../journal/snapshot-store.ts";
import { wasRunningBefore } from "../swap/swap-dependants.ts";
import { lookForDependants } from "../swap/recreate-dependants.ts";
import { undoSteps } from "../swap/saga.ts";
import { removeBackup } from "../swap/swap.ts";
import type { SwapContainers } from "../swap/swap-containers.ts";
import { recreatedSteps, swapSteps } from "../swap/swap-steps.ts";
import { type InterruptedSwap, type SwapRecoveryContext, rebuildSwap } from "./interrupted-swap.ts";
import { type SwapRecoveryResult, resultOfUndo, createRecoveryTimer } from "./roll-back-swap.ts";

/** Ends those of some, each in its way. */
export type SettleEach = <One extends SwapContainers>(
  some: readonly One[],
  how: (one: One) => Promise<SwapRecoveryResult | undefined>,
) => Promise<void>;

/** R5, R10. Resolves with those that NATS has to tell about. */
export async function settleRecreated(
  it: SwapRecoveryContext,
  left: readonly InterruptedSwap[],
  end: SettleEach,
): Promise<string[]> {
  const refusals = await Promise.all(left.map((one) => isRefused(it, one)));
  const refused = left.filter((_, index) => refusals[index]);
  const putBack: string[] = [];
  await end(refused, async (one) => {
    const restored = await rollBackRefused(it, one);
    putBack.push(one.old.Id, ...(restored.swap?.dependants ?? []).map(({ old }) => old.Id));
    return { ...restored, swap: undefined };
  });
  const kept = left.filter(({ old }) => !putBack.includes(old.Id));
  await end(kept, (one) => keepRecreated(it, one));
  return it.refused === undefined ? kept.map(({ name }) => name) : [];
}

/** R10, a hard dependency that stands alone. What referred to it was recreated with it, and is put back too. */
async function rollBackRefused(it: SwapRecoveryContext, parts: InterruptedSwap): Promise<SwapRecoveryResult> {
  const { name, run } = parts;
  const log = it.log.child({ container: name, run });
  log.warn("a hook refused the recreation of a hard dependency; it is put back");
  const swap = await rebuildSwap(it, parts);
  await lookForDependants.do(swap);
  const failures = await undoSteps(swapSteps, swap, createRecoveryTimer(it, log));
  if (failures.length === 0) await dropSnapshot(it, run, name);
  return { ...resultOfUndo(swap, { failures, isDependant: true, log }), swap };
}

const isRefused = async (it: SwapRecoveryContext, { name, old }: InterruptedSwap): Promise<boolean> =>
  it.refused?.has(name) === true && (await hasParents(it, old));

/** R5. Where the container that it was recreated for is gone, the old one is the one that can run. */
async function keepRecreated(
  it: SwapRecoveryContext,
  parts: InterruptedSwap,
): Promise<SwapRecoveryResult | undefined> {
  const { name: container, run } = parts;
  const swap = await rebuildSwap(it, parts);
  if (!(await hasParents(it, parts.next))) {
    const log = it.log.child({ container, run });
    const failures = await undoSteps(recreatedSteps, swap, createRecoveryTimer(it, log));
    return resultOfUndo(swap, { failures, isDependant: true, log });
  }
  if (wasRunningBefore(swap))
    await ignoreStatuses([NOT_MODIFIED], it.host.engine.docker.getContainer(parts.next.Id).start());
  if (it.refused === undefined) {
    it.log.warn({ container, run }, "a dependant that was recreated runs; NATS will tell whether it is kept");
    return undefined;
  }
  await dropSnapshot(it, run, container);
  await removeBackup(swap);
  it.log.warn({ container, run }, "a dependant that was recreated is kept");
  return { container, run, end: "updated", because: "it was recreated with its parent", swap: undefined };
}

/** Whose namespaces it shares. */
async function hasParents({ host }: SwapRecoveryContext, inspect: ContainerInspectInfo): Promise<boolean> {
  const ids = namespaceParents(inspect);
  const found = await Promise.all(ids.map((id) => ifExists(host.engine.docker.getContainer(id).inspect())));
  return !found.includes(undefined);
}
