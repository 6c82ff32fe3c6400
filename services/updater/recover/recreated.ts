// Dependants and hard dependencies that were recreated, and whose parent is over (recover.ts: R5, R10).
import type { ContainerInspectInfo } from "dockerode";
import { ALREADY_SO, ifThere, tolerating } from "../../../shared/engine.ts";
import { namespaceParents } from "../create/inspect.ts";
import { dropSnapshot } from "../journal/snapshots.ts";
import { ranBefore } from "../swap/dependants.ts";
import { letDependantsRun } from "../swap/recreate.ts";
import { undoSteps } from "../swap/saga.ts";
import { removeBackup } from "../swap/swap.ts";
import type { SwapParts } from "../swap/swap-parts.ts";
import { ofRecreated, swapSteps } from "../swap/swap-steps.ts";
import { type Begun, type RecoveringSwaps, swapFrom } from "./begun.ts";
import { type Restored, restoredTo, timedBy } from "./put-back.ts";

/** Ends those of some, each in its way. */
export type EndEach = <One extends SwapParts>(
  some: readonly One[],
  how: (one: One) => Promise<Restored | undefined>,
) => Promise<void>;

/** R5, R10. Resolves with those that NATS has to tell about. */
export async function endRecreated(
  it: RecoveringSwaps,
  left: readonly Begun[],
  end: EndEach,
): Promise<string[]> {
  const refusals = await Promise.all(left.map((one) => isRefused(it, one)));
  const refused = left.filter((_, index) => refusals[index]);
  const putBack: string[] = [];
  await end(refused, async (one) => {
    const restored = await putBackRefused(it, one);
    putBack.push(one.old.Id, ...(restored.swap?.dependants ?? []).map(({ old }) => old.Id));
    return { ...restored, swap: undefined };
  });
  const kept = left.filter(({ old }) => !putBack.includes(old.Id));
  await end(kept, (one) => keepRecreated(it, one));
  return it.refused === undefined ? kept.map(({ name }) => name) : [];
}

/** R10, a hard dependency that stands alone. What referred to it was recreated with it, and is put back too. */
async function putBackRefused(it: RecoveringSwaps, parts: Begun): Promise<Restored> {
  const { name, run } = parts;
  const log = it.log.child({ container: name, run });
  log.warn("a hook refused the recreation of a hard dependency; it is put back");
  const swap = await swapFrom(it, parts);
  await letDependantsRun.do(swap);
  const failures = await undoSteps(swapSteps, swap, timedBy(it, log));
  if (failures.length === 0) await dropSnapshot(it, run, name);
  return { ...restoredTo(swap, { failures, isDependant: true, log }), swap };
}

const isRefused = async (it: RecoveringSwaps, { name, old }: Begun): Promise<boolean> =>
  it.refused?.has(name) === true && (await hasItsParents(it, old));

/** R5. Where the container that it was recreated for is gone, the old one is the one that can run. */
async function keepRecreated(it: RecoveringSwaps, parts: Begun): Promise<Restored | undefined> {
  const { name: container, run } = parts;
  const swap = await swapFrom(it, parts);
  if (!(await hasItsParents(it, parts.next))) {
    const log = it.log.child({ container, run });
    const failures = await undoSteps(ofRecreated, swap, timedBy(it, log));
    return restoredTo(swap, { failures, isDependant: true, log });
  }
  if (ranBefore(swap))
    await tolerating([ALREADY_SO], it.host.engine.docker.getContainer(parts.next.Id).start());
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
async function hasItsParents({ host }: RecoveringSwaps, inspect: ContainerInspectInfo): Promise<boolean> {
  const ids = namespaceParents(inspect);
  const found = await Promise.all(ids.map((id) => ifThere(host.engine.docker.getContainer(id).inspect())));
  return !found.includes(undefined);
}
