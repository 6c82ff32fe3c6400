// Recreating what refers to a replaced container (dependants.ts: D1, D2), and hard dependencies: on the image they have,
// or on the new one of a dependant that is updated with it; and letting them run again where it is put back.
import type { ContainerInspectInfo } from "dockerode";
import { NOT_MODIFIED, type Engine, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { namespaceParents } from "../create/inspect.ts";
import { dropSnapshot } from "../journal/snapshot-store.ts";
import {
  findSwapDependants,
  isReferredTo,
  predatesSuccessor,
  wasRunningBefore,
  makeOwnImageSwap,
} from "./swap-dependants.ts";
import { moveAside, takeName } from "./exchange-names.ts";
import { isUnstartable } from "./namespace-parents.ts";
import { type StepObserver, runSteps, undoSteps } from "./saga.ts";
import {
  type Swap,
  type SwapStep,
  create,
  isUpdated,
  parkPolicy,
  verifySuccessor,
  removeBackup,
  restoreOldContainer,
  start,
  stop,
} from "./swap.ts";
import { isFinishedJob } from "./verify-container.ts";
import { awaitPendingStop, stopContainer } from "../containers/stop-container.ts";
import { takeSnapshot } from "./take-snapshot.ts";
import { parseSwapName } from "../../../shared/containers/swap-names.ts";
import { releaseOldImages } from "./rollback-resources.ts";
import { lookForReplacement, yieldAfterStart } from "./yield-to-owner.ts";

const SILENT_OBSERVER: StepObserver = {
  onBegin: () => undefined,
  onDone: () => undefined,
  onUndone: () => undefined,
  monotonic: () => 0,
  shouldRetry: () => Promise.resolve(false), // the transaction around it tries again
};

/**
 * D2: its undo is the last but that of `create`: while the successor is there, a later process knows that dependants
 * may have to be started.
 */
export const lookForDependants: SwapStep = {
  name: "look for dependants",
  do: async (swap) => {
    swap.dependants = await findSwapDependants(swap);
    for (const dependant of swap.dependants) await takeSnapshot(dependant, "dependant");
  },
  undo: async (swap) => {
    if (swap.restored === undefined) swap.replaced.delete(swap.old.Id); // it runs again as it was
    for (const dependant of swap.dependants) {
      if (wasRunningBefore(dependant)) await startDependant(dependant);
      await dropSnapshot(dependant.snapshotStore, dependant.run, dependant.name);
    }
    await detachFromSuccessor(swap);
  },
};

/**
 * `docker compose up` joins what it makes to what bears the name, which may be the successor; that one goes now. It is made
 * anew then, with the old container.
 */
async function detachFromSuccessor(swap: Swap): Promise<void> {
  const { engine, successor, old, restored = old.Id } = swap;
  if (successor === undefined || swap.replacement !== undefined) return;
  const known = swap.dependants.flatMap((one) => [one.old.Id, one.successor, one.restored]);
  for (const [id, targets] of await swap.references.list(engine)) {
    if (!targets.includes(successor) || known.includes(id)) continue;
    const inspect = await ifExists(engine.docker.getContainer(id).inspect());
    if (inspect === undefined || parseSwapName(inspect.Name.slice(1)) !== undefined) continue;
    const replaced = new Map([[successor, restored]]);
    const joined = await makeOwnImageSwap({ ...swap, parent: swap.name, replaced }, inspect);
    await recreateOnOwnImage(joined);
    await dropSnapshot(joined.snapshotStore, joined.run, joined.name);
  }
}

/**
 * One that ran on while a parent was stopped and started is cut off from it, and started anew. One whose link leads to the
 * successor, because an Engine started while that bore the name, is made anew: then it leads to the name again.
 */
async function startDependant(dependant: Swap): Promise<void> {
  const { engine, clock, old, verification } = dependant;
  const container = engine.docker.getContainer(old.Id);
  const inspect = await ifExists(container.inspect());
  if (dependant.isRemoved === true || (await lookForReplacement(dependant)) !== undefined) return;
  if (inspect === undefined) return restoreOldContainer(dependant);
  if (namespaceParents(inspect).some((id) => dependant.replaced.has(id)))
    return recreateOnOwnImage(dependant);
  const links = linksOf(inspect);
  const hasForgotten = linksOf(old as unknown as ContainerInspectInfo).length > links.length;
  if (hasForgotten || links.some((target) => parseSwapName(target)?.part === "successor"))
    return recreateOnOwnImage(dependant);
  if (await isCutOff(engine, inspect)) await stopContainer({ engine, clock, ...verification }, old);
  else await awaitPendingStop({ engine, clock }, inspect);
  try {
    await ignoreStatuses([NOT_MODIFIED], container.start());
  } catch (error) {
    if (await isUnstartable(dependant, error)) return restoreOldContainer(dependant, old.Id);
    throw error;
  }
  await yieldAfterStart(dependant, old.Id);
}

/** Its parent was made anew, or its link leads astray or was forgotten; the successor it had is undone. */
async function recreateOnOwnImage(dependant: Swap): Promise<void> {
  await recreateContainer(onOwnImage(dependant));
  await removeBackup(dependant);
}

const onOwnImage = ({ reference: _its, watching: _told, ...dependant }: Swap): Swap => ({
  ...dependant,
  newImage: dependant.oldImage,
  successor: undefined,
});

/** Names of what it links to. */
const linksOf = ({ HostConfig }: ContainerInspectInfo): string[] =>
  ((HostConfig.Links ?? []) as string[]).map((link) => link.replace(/^\//, "").replace(/:.*/, ""));

/** It shares a namespace that nobody else is in any more, or knows an address that is its parent's no more. */
async function isCutOff(engine: Engine, inspect: ContainerInspectInfo): Promise<boolean> {
  const { State } = inspect;
  if (!State.Running) return false;
  for (const name of [...namespaceParents(inspect), ...linksOf(inspect)]) {
    const parent = await ifExists(engine.docker.getContainer(name).inspect());
    if (parent !== undefined && Date.parse(parent.State.StartedAt) > Date.parse(State.StartedAt)) return true;
  }
  return false;
}

export const recreateDependants: SwapStep = {
  name: "recreate the dependants",
  do: async (swap) => {
    for (const dependant of swap.dependants) {
      const isHard = swap.hardHooks?.isHard(dependant.old.Id) === true && !isUpdated(dependant);
      const hard = isHard ? swap.hardHooks : undefined;
      await hard?.before(dependant.old);
      await recreateContainer(dependant);
      await hard?.after(dependant.old, dependant.successor ?? dependant.name);
    }
  },
  undo: async (swap) => {
    const failures: unknown[] = [];
    for (const dependant of swap.dependants.toReversed())
      await discardSuccessor(dependant).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  },
};

async function discardSuccessor(dependant: Swap): Promise<void> {
  await undoRecreation(dependant);
  await create.undo?.(dependant);
}

/** Side by side, once all of them run again. */
export const verifyUpdatedDependants: SwapStep = {
  name: "prove what was updated with it",
  do: async (swap) => {
    const updated = swap.dependants.filter((one) => isUpdated(one) && wasRunningBefore(one));
    const proofs = updated.map((one) =>
      verifySuccessor.do(one).catch((error: unknown) => {
        throw new NotRecreated(one.name, error);
      }),
    );
    await Promise.allSettled(proofs);
    await Promise.all(proofs);
  },
};

/**
 * After a crash of the host in the middle of the last removals: what was recreated, and refers to the successor already,
 * may be down with it.
 */
export const startRecreated: SwapStep = {
  name: "start recreated dependants",
  do: async (swap) => {
    const references = await swap.references.list(swap.engine);
    const successor = await swap.engine.docker.getContainer(swap.successor ?? swap.name).inspect();
    for (const [id, targets] of references) {
      const inspect = isReferredTo(targets, successor)
        ? await ifExists(swap.engine.docker.getContainer(id).inspect())
        : undefined;
      if (inspect === undefined || predatesSuccessor(inspect, swap) || inspect.State.Status !== "exited")
        continue;
      await ignoreStatuses([NOT_MODIFIED], swap.engine.docker.getContainer(id).start());
    }
  },
};

/** Its start is undone by `letDependantsRun`. */
const stopOnly: SwapStep = { name: stop.name, do: stop.do };
const startIfItRan: SwapStep = {
  ...start,
  do: async (swap) => {
    if (!wasRunningBefore(swap)) return;
    await start.do(swap);
    const inspect = await swap.engine.docker.getContainer(swap.successor ?? swap.name).inspect();
    const { State } = inspect;
    if (!State.Running && !(await isFinishedJob(swap.engine, inspect)))
      throw new Error(`${swap.name} exited with code ${State.ExitCode} after it was recreated`);
  },
};
/** One dependant. */
export const recreateSteps: readonly SwapStep[] = [
  create,
  stopOnly,
  moveAside,
  takeName,
  parkPolicy,
  startIfItRan,
];

const startAt = recreateSteps.indexOf(parkPolicy);

/** Says which dependant was in the way. */
export class NotRecreated extends Error {
  override readonly name = "NotRecreated";
  readonly container: string;

  constructor(container: string, cause: unknown) {
    super(`${container} could not be recreated: ${explain(cause)}`, { cause });
    this.container = container;
  }
}

/** @throws NotRecreated; what was begun is undone then, but it does not run. */
export async function recreateContainer(dependant: Swap): Promise<void> {
  if (await isPrunedWhole(dependant)) dependant.successor = undefined; // it is made once more, of what its snapshot says
  const done = dependant.successor === undefined ? [] : recreateSteps.slice(0, startAt); // by an earlier process
  const outcome = await runSteps(
    recreateSteps.slice(done.length),
    dependant,
    observeQuietly(dependant),
    done,
  );
  if (outcome.kind !== "done") throw new NotRecreated(dependant.name, outcome.cause);
}

/** Neither of the two ran when the earlier process ended. */
async function isPrunedWhole({ engine, old, successor }: Swap): Promise<boolean> {
  if (successor === undefined) return false;
  const both = [old.Id, successor].map((id) => ifExists(engine.docker.getContainer(id).inspect()));
  return (await Promise.all(both)).every((inspect) => inspect === undefined);
}

const observeQuietly = ({ watching: told }: Swap): StepObserver =>
  told === undefined
    ? SILENT_OBSERVER
    : {
        ...SILENT_OBSERVER,
        onBegin: (step) => told.onBegin(step),
        onDone: (step, ms) => told.onDone(step, ms),
        monotonic: () => told.monotonic(),
      };

/** Stops the successor and puts the names back; removing the one and starting the other is left to the caller. */
export async function undoRecreation(dependant: Swap): Promise<void> {
  const [first] = await undoSteps(
    recreateSteps.filter((step) => step !== create),
    dependant,
    SILENT_OBSERVER,
  );
  if (first !== undefined)
    throw new Error(`${dependant.name}: "${first.step}" could not be undone`, { cause: first.error });
}

/** U2 and D1: the old containers go, their volumes stay. */
export async function commitSwap(swap: Swap): Promise<void> {
  await dropSwapSnapshots(swap);
  await releaseOldImages(swap);
  await commitDependants(swap); // podman: children first
  await removeBackup(swap);
}

/** From here on nothing that a prune takes is needed. */
export async function dropSwapSnapshots(swap: Swap): Promise<void> {
  for (const { snapshotStore, run, name } of [swap, ...swap.dependants])
    await dropSnapshot(snapshotStore, run, name);
}

export async function commitDependants(swap: Swap): Promise<void> {
  for (const dependant of swap.dependants.toReversed()) await removeBackup(dependant);
}
