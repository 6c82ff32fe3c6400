// Finds the dependants of a container before it is replaced and, after a rollback, starts them again: those that were
// cut off from it, and those that joined a successor that is gone (swap-dependants.ts: D1, D2).
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { NOT_MODIFIED, type Engine, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { parseSwapName } from "../../../shared/containers/swap-names.ts";
import { awaitPendingStop, stopContainer } from "../containers/stop-container.ts";
import { namespaceParents } from "../create/inspect.ts";
import { dropSnapshot } from "../journal/snapshot-store.ts";
import { isUnstartable } from "./namespace-parents.ts";
import { recreateContainer } from "./recreate-dependants.ts";
import { findSwapDependants, makeOwnImageSwap, wasRunningBefore } from "./swap-dependants.ts";
import { removeUnneededCopy } from "./remake-container.ts";
import { tryEach } from "./saga.ts";
import { removeBackup, restoreOldContainer } from "./swap.ts";
import { type Swap, type SwapStep, makeSwap } from "./swap-state.ts";
import { takeSnapshot } from "./take-snapshot.ts";
import { lookForReplacement, yieldAfterStart } from "./yield-to-owner.ts";

/**
 * D2: its undo comes last, except for that of `create`: while the successor exists, a later process knows that
 * dependants may have to be started.
 */
export const lookForDependants: SwapStep = {
  name: "look for dependants",
  isDone: () => false, // what it finds is known to this process alone
  do: async (swap) => {
    swap.dependants = await findSwapDependants(swap);
    for (const dependant of swap.dependants) await takeSnapshot(dependant, "dependant");
  },
  undo: async (swap) => {
    if (swap.staysStopped) return;
    // The old containers run again, unchanged. A successor may still exist, if its own undo failed.
    for (const { restored, old } of [swap, ...swap.dependants])
      if (restored === undefined) swap.replaced.delete(old.Id);
    await tryEach(swap.dependants, async (dependant) => {
      if (wasRunningBefore(dependant)) await startDependant(dependant);
      await removeUnneededCopy(dependant);
      if (!swap.isStillDown) await dropSnapshot(dependant.snapshotStore, dependant.run, dependant.name);
    });
    if (swap.isStillDown && swap.dependants.length > 0)
      throw new Error(`what refers to ${swap.name} is looked at again once that runs`);
    await detachFromSuccessor(swap);
  },
};

/**
 * `docker compose up` attaches new containers to the container that has the name. If that was the successor, which is
 * removed now, such a container is recreated with the old container.
 */
async function detachFromSuccessor(swap: Swap): Promise<void> {
  const { engine, successor, old } = swap;
  if (successor === undefined || swap.replacement !== undefined) return;
  const known = [...swap.dependants, ...swap.joined].flatMap((dependant) => [
    dependant.old.Id,
    dependant.successor,
    dependant.restored,
  ]);
  for (const [id, targets] of await swap.references.list(engine)) {
    if (!targets.includes(successor) || known.includes(id)) continue;
    const inspect = await ifExists(engine.docker.getContainer(id).inspect());
    if (inspect === undefined || parseSwapName(inspect.Name.slice(1)) !== undefined) continue;
    const replaced = new Map([[successor, swap.restored ?? old.Id]]);
    swap.joined.push(await makeOwnImageSwap({ ...swap, replaced }, inspect, swap.name));
  }
  for (const joined of swap.joined) {
    await recreateOnOwnImage(joined);
    await dropSnapshot(joined.snapshotStore, joined.run, joined.name);
  }
}

/**
 * A dependant that kept running while its parent was stopped and started is cut off from the parent, so it is
 * restarted. One that an earlier try has recreated is not recreated once more.
 */
async function startDependant(dependant: Swap): Promise<void> {
  const { engine, clock, verification } = dependant;
  const find = async (id: string | undefined) =>
    id === undefined ? undefined : ifExists(engine.docker.getContainer(id).inspect());
  if (dependant.isRemoved || (await lookForReplacement(dependant)) !== undefined) return;
  const old = await find(dependant.old.Id);
  if (old !== undefined && (await find(dependant.successor)) !== undefined)
    throw new Error(`${dependant.name} is not started before the undo that removes its successor`);
  if (old !== undefined && (dependant.restored !== undefined || (await hasLostParent(dependant, old))))
    return recreateOnOwnImage(dependant);
  const inspect = dependant.restored === undefined ? old : await find(dependant.restored);
  if (inspect === undefined) return restoreOldContainer(dependant);
  if (await isCutOff(engine, inspect)) await stopContainer({ engine, clock, ...verification }, inspect);
  else await awaitPendingStop({ engine, clock }, inspect);
  try {
    await ignoreStatuses([NOT_MODIFIED], engine.docker.getContainer(inspect.Id).start());
  } catch (error) {
    if (await isUnstartable(dependant, error)) return restoreOldContainer(dependant, inspect.Id);
    throw error;
  }
  await yieldAfterStart(dependant, inspect.Id);
}

/**
 * Its parent was recreated, or the Engine forgot its link. Or its link leads to the successor, because the Engine
 * started while the successor had the name, or to a backup that is gone.
 */
async function hasLostParent({ engine, old, replaced }: Swap, now: ContainerInspection): Promise<boolean> {
  const links = linksOf(now);
  if (namespaceParents(now).some((id) => replaced.has(id)) || linksOf(old).length > links.length) return true;
  for (const target of links) {
    const part = parseSwapName(target)?.part;
    if (part === "successor") return true;
    if (part === "backup" && (await ifExists(engine.docker.getContainer(target).inspect())) === undefined)
      return true;
  }
  return false;
}

/** Its own successor is undone by now. If an earlier try recreated it, only the old container is left to remove. */
async function recreateOnOwnImage(dependant: Swap): Promise<void> {
  if (dependant.restored === undefined) {
    const recreated = onOwnImage(dependant);
    await recreateContainer(recreated);
    dependant.restored = recreated.successor;
  }
  await removeBackup(dependant);
}

const onOwnImage = (dependant: Swap): Swap => {
  const { name, old, oldImage, verification, parent } = dependant;
  return makeSwap(dependant, { name, old, oldImage, newImage: oldImage, verification, parent });
};

/** Names of the containers it links to. */
const linksOf = ({ HostConfig }: ContainerInspection): string[] =>
  ((HostConfig.Links ?? []) as string[]).map((link) => link.replace(/^\//, "").replace(/:.*/, ""));

/** It shares a namespace that its parent has left, or knows an address that its parent no longer has. */
async function isCutOff(engine: Engine, inspect: ContainerInspection): Promise<boolean> {
  const { State } = inspect;
  if (!State.Running) return false;
  for (const name of [...namespaceParents(inspect), ...linksOf(inspect)]) {
    const parent = await ifExists(engine.docker.getContainer(name).inspect());
    if (parent !== undefined && Date.parse(parent.State.StartedAt) > Date.parse(State.StartedAt)) return true;
  }
  return false;
}
