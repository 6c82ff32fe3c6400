// The steps of a swap, in order, and the parts of them that recovery runs. Add a new step here; the tests that kill
// and break the updater after each step use this list.
import { verifyUpdatedDependants, recreateDependants, startRecreated } from "./recreate-dependants.ts";
import { lookForDependants } from "./start-dependants.ts";
import { moveAside, takeName } from "./exchange-names.ts";
import { create, parkPolicy, verifySuccessor, start, stop } from "./swap.ts";
import type { SwapStep } from "./swap-state.ts";
import { keepOldImages } from "./rollback-resources.ts";

export const swapSteps: readonly SwapStep[] = [
  create,
  lookForDependants,
  keepOldImages,
  stop,
  moveAside,
  takeName,
  parkPolicy,
  start,
  verifySuccessor,
  recreateDependants,
  verifyUpdatedDependants,
];

/** If one of these steps fails, no running container was touched. */
export const harmlessSteps: readonly string[] = [create.name, lookForDependants.name, keepOldImages.name];

const withoutUndo = ({ name, do: act }: SwapStep): SwapStep => ({ name, do: act });
/** An earlier process did this step; its result must be found again. */
const lookAgain = withoutUndo(lookForDependants);
/** A process of an earlier version may not have done this step. */
const keepAgain = withoutUndo(keepOldImages);
/** An Engine that restarted since then may have started the old container again, by its restart policy. */
const stopAgain = withoutUndo(stop);

/** If the names are exchanged: the steps that an earlier process did, and the steps that are left. */
export const exchangedNamesSteps = {
  done: [create, lookForDependants, keepOldImages, stop, moveAside, takeName],
  left: [
    ...[lookAgain, keepAgain, parkPolicy, stopAgain, start, verifySuccessor],
    ...[recreateDependants, startRecreated, verifyUpdatedDependants],
  ],
} as const;

/**
 * The steps to undo if the successor exists and the old container has its own or the backup name. The old container
 * may run even so: if its rollback was interrupted, an Engine that restarts starts it by its restart policy, and its
 * dependants may not be rolled back yet.
 */
export const halfSwapSteps: readonly SwapStep[] = [
  ...[create, lookForDependants, keepOldImages, stop, moveAside, parkPolicy, start],
  recreateDependants,
];

/**
 * The same without a successor. The backup's name shows what was begun, so it stays until the container runs
 * (saga.ts, S4).
 */
export const backupOnlySteps: readonly SwapStep[] = [
  ...[lookForDependants, { ...moveAside, isCrashMarker: true as const }],
  ...[stop, parkPolicy, recreateDependants],
];

/** The steps of a single dependant whose names are exchanged. */
export const recreatedSteps: readonly SwapStep[] = [create, stop, moveAside, takeName, parkPolicy, start];

/**
 * The steps left once the old containers of dependants are removed. No rollback is possible then: the recreated
 * dependants refer to the successor.
 */
export const committedSteps: readonly SwapStep[] = [lookAgain, parkPolicy, stopAgain, start, startRecreated];

/** The steps left if the successor is this very process: that it runs verifies it, and it cannot undo itself. */
export const selfUpdateSteps = [lookAgain, ...[parkPolicy, recreateDependants].map(withoutUndo)];
