// Recreating what refers to a replaced container (dependants.ts: D1, D2), and hard dependencies: on the image they have.
import { ALREADY_SO, ifThere, tolerating } from "../../../shared/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { isAmong, isOlder, ranBefore } from "./dependants.ts";
import { type Watching, runSteps, undoSteps } from "./saga.ts";
import {
  type Swap,
  type SwapStep,
  create,
  moveAside,
  parkPolicy,
  removeBackup,
  start,
  stop,
  takeName,
} from "./swap.ts";

const silent: Watching = {
  begins: () => undefined,
  did: () => undefined,
  undid: () => undefined,
  monotonic: () => 0,
  again: () => Promise.resolve(false), // the transaction around it tries again
};

export const recreateDependants: SwapStep = {
  name: "recreate the dependants",
  do: async (swap) => {
    for (const dependant of swap.dependants) {
      const hard = swap.hardHooks?.isHard(dependant.old.Id) ? swap.hardHooks : undefined;
      await hard?.before(dependant.old);
      await recreate(dependant);
      await hard?.after(dependant.old, dependant.successor ?? dependant.name);
    }
  },
  undo: async (swap) => {
    for (const dependant of swap.dependants.toReversed()) {
      await giveWay(dependant);
      await create.undo?.(dependant);
    }
  },
};

/**
 * After a crash of the host in the middle of the last removals: what was recreated, and refers to the successor already,
 * may be down with it.
 */
export const startRecreated: SwapStep = {
  name: "start recreated dependants",
  do: async (swap) => {
    const references = await swap.references.of(swap.engine);
    const successor = await swap.engine.docker.getContainer(swap.successor ?? swap.name).inspect();
    for (const [id, targets] of references) {
      const inspect = isAmong(targets, successor)
        ? await ifThere(swap.engine.docker.getContainer(id).inspect())
        : undefined;
      if (inspect === undefined || isOlder(inspect, swap) || inspect.State.Status !== "exited") continue;
      await tolerating([ALREADY_SO], swap.engine.docker.getContainer(id).start());
    }
  },
};

/** Its start is undone by `letDependantsRun`. */
const stopOnly: SwapStep = { name: stop.name, do: stop.do };
const startIfItRan: SwapStep = {
  ...start,
  do: async (swap) => {
    if (!ranBefore(swap)) return;
    await start.do(swap);
    const { State } = await swap.engine.docker.getContainer(swap.successor ?? swap.name).inspect();
    if (!State.Running)
      throw new Error(`${swap.name} exited with code ${State.ExitCode} after it was recreated`);
  },
};
/** One dependant, on its own image. */
export const recreateSteps: readonly SwapStep[] = [
  create,
  stopOnly,
  moveAside,
  takeName,
  parkPolicy,
  startIfItRan,
];

/** @throws Error where it could not be recreated; what was begun is undone then, but it does not run. */
export async function recreate(dependant: Swap): Promise<void> {
  const done = dependant.successor === undefined ? [] : recreateSteps.slice(0, 4); // by an earlier process
  const outcome = await runSteps(recreateSteps.slice(done.length), dependant, silent, done);
  if (outcome.kind === "done") return;
  throw new Error(`${dependant.name} could not be recreated: ${explain(outcome.cause)}`, {
    cause: outcome.cause,
  });
}

/** Stops the successor and puts the names back; removing the one and starting the other is left to the caller. */
export async function giveWay(dependant: Swap): Promise<void> {
  const [first] = await undoSteps(
    recreateSteps.filter((step) => step !== create),
    dependant,
    silent,
  );
  if (first !== undefined)
    throw new Error(`${dependant.name}: "${first.step}" could not be undone`, { cause: first.error });
}

/** U2 and D1: the old containers go, their volumes stay. */
export async function commit(swap: Swap): Promise<void> {
  await commitDependants(swap); // podman: children first
  await removeBackup(swap);
}

export async function commitDependants(swap: Swap): Promise<void> {
  for (const dependant of swap.dependants.toReversed()) await removeBackup(dependant);
}
