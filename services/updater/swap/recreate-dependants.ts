// Recreates the dependants of a replaced container (swap-dependants.ts: D1, D2), including hard dependencies: on
// their current image, or on the new one if a dependant is updated too. start-dependants.ts starts the old ones.
import { NOT_MODIFIED, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { isReferredTo, predatesSuccessor, wasRunningBefore } from "./swap-dependants.ts";
import { type StepObserver, runSteps, tryEach, undoSteps } from "./saga.ts";
import { verifySuccessor } from "./swap.ts";
import { NOT_BEGUN, type ObservedSwap, isVerified, stepsLeft } from "./swap-phase.ts";
import { type Swap, type SwapStep, isUpdated } from "./swap-state.ts";
import { fetchNewImage } from "./rollback-resources.ts";

export const SILENT_OBSERVER: StepObserver = {
  onBegin: () => undefined,
  onDone: () => undefined,
  onUndone: () => undefined,
  onTried: () => undefined,
  monotonic: () => 0,
  shouldRetry: () => Promise.resolve(false), // the surrounding transaction retries
};

export const recreateDependants: SwapStep = {
  name: "recreate the dependants",
  isDone: ({ isCommitted }) => isCommitted === true,
  do: async (swap) => {
    for (const dependant of swap.dependants) {
      const isHard = swap.hardHooks?.isHard(dependant.old.Id) === true && !isUpdated(dependant);
      const hard = isHard ? swap.hardHooks : undefined;
      await hard?.before(dependant.old);
      await recreateContainer(dependant);
      await hard?.after(dependant.old, dependant.successor ?? dependant.name);
    }
  },
  undo: (swap) => tryEach(swap.dependants.toReversed(), discardSuccessor),
};

/** Restores the names and removes the successor last. The caller starts the old container. */
async function discardSuccessor(dependant: Swap): Promise<void> {
  const [first] = await undoSteps(dependant.recreateSteps, dependant, SILENT_OBSERVER);
  if (first !== undefined)
    throw new Error(`${dependant.name}: "${first.step}" could not be undone`, { cause: first.error });
}

/** Verifies them in parallel, once all of them run again. */
export const verifyUpdatedDependants: SwapStep = {
  name: "prove what was updated with it",
  isDone: isVerified,
  do: async (swap) => {
    const updated = swap.dependants.filter(
      (dependant) => isUpdated(dependant) && wasRunningBefore(dependant),
    );
    const verifications = updated.map((dependant) =>
      verifySuccessor.do(dependant).catch((error: unknown) => {
        throw new NotRecreated(dependant.name, error);
      }),
    );
    await Promise.allSettled(verifications);
    await Promise.all(verifications);
  },
};

/**
 * If the host crashed in the middle of the final removals, the recreated dependants, which already refer to the
 * successor, may be down with it.
 */
export const startRecreated: SwapStep = {
  name: "start recreated dependants",
  isRecoveryOnly: true,
  isDone: ({ isOwn }) => isOwn === true,
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

/** Names the dependant that could not be recreated. */
export class NotRecreated extends Error {
  override readonly name = "NotRecreated";
  readonly container: string;

  constructor(container: string, cause: unknown) {
    super(`${container} could not be recreated: ${explain(cause)}`, { cause });
    this.container = container;
  }
}

/** @throws NotRecreated; the begun steps are undone then, but the dependant does not run. */
export async function recreateContainer(dependant: Swap): Promise<void> {
  if (await areBothGone(dependant)) await prepareAnew(dependant);
  const { begun, left } = stepsLeft(dependant.recreateSteps, observeDependant(dependant));
  const outcome = await runSteps(left, dependant, observeQuietly(dependant), begun);
  if (outcome.kind !== "done") throw new NotRecreated(dependant.name, outcome.cause);
}

/** Its successor is known only if an earlier process has exchanged the names. */
const observeDependant = ({ successor }: Swap): ObservedSwap =>
  successor === undefined ? NOT_BEGUN : { old: "aside", successor: "named" };

/** To be recreated once more, from its snapshot: the prune may have taken its image, too. */
async function prepareAnew(dependant: Swap): Promise<void> {
  dependant.successor = undefined;
  await fetchNewImage(dependant).catch((error: unknown) => {
    throw new NotRecreated(dependant.name, error);
  });
}

/** A prune removed both: neither of them ran when the earlier process ended. */
async function areBothGone({ engine, old, successor }: Swap): Promise<boolean> {
  if (successor === undefined) return false;
  const both = [old.Id, successor].map((id) => ifExists(engine.docker.getContainer(id).inspect()));
  return (await Promise.all(both)).every((inspect) => inspect === undefined);
}

const observeQuietly = ({ watching: observer }: Swap): StepObserver =>
  observer === undefined
    ? SILENT_OBSERVER
    : {
        ...SILENT_OBSERVER,
        onBegin: (step) => observer.onBegin(step),
        onDone: (step, ms) => observer.onDone(step, ms),
        monotonic: () => observer.monotonic(),
      };
