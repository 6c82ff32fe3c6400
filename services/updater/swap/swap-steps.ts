// The steps of a replacement, in order. A new step is one entry here; the tests that kill and break after each step
// take their list from this one.
import {
  lookForDependants,
  verifyUpdatedDependants,
  recreateDependants,
  startRecreated,
} from "./recreate-dependants.ts";
import { moveAside, takeName } from "./exchange-names.ts";
import { type SwapStep, create, parkPolicy, verifySuccessor, start, stop } from "./swap.ts";
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

/** Where one of these fails, nothing that runs was touched. */
export const harmlessSteps: readonly string[] = [create.name, lookForDependants.name, keepOldImages.name];

const withoutUndo = ({ name, do: act }: SwapStep): SwapStep => ({ name, do: act });
/** Done by another process: what it found is found again. */
const lookAgain = withoutUndo(lookForDependants);
/** A process of the version before may not have. */
const keepAgain = withoutUndo(keepOldImages);
/** An Engine that started since then has started the old one too, as its policy says. */
const stopAgain = withoutUndo(stop);

/** Steps that a process before this one did if the names are exchanged, and those that are left then. */
export const exchangedNamesSteps = {
  done: [create, lookForDependants, keepOldImages, stop, moveAside, takeName],
  left: [
    ...[lookAgain, keepAgain, parkPolicy, stopAgain, start, verifySuccessor],
    ...[recreateDependants, startRecreated, verifyUpdatedDependants],
  ],
} as const;

/**
 * What must be undone if the successor exists and the old container bears its own or the backup name. It may run even
 * so: one whose putting back was interrupted is started by an Engine that restarts, as its policy says. What refers to it
 * may not be put back yet.
 */
export const halfSwapSteps: readonly SwapStep[] = [
  ...[create, lookForDependants, keepOldImages, stop, moveAside, parkPolicy, start],
  recreateDependants,
];

/** The same where there is no successor; the backup's name tells what was begun, and so stays until it runs (saga.ts, S4). */
export const backupOnlySteps: readonly SwapStep[] = [
  ...[lookForDependants, { ...moveAside, tells: true as const }],
  ...[stop, parkPolicy, recreateDependants],
];

/** A dependant whose names are exchanged, by itself. */
export const recreatedSteps: readonly SwapStep[] = [create, stop, moveAside, takeName, parkPolicy, start];

/**
 * What is left once the old containers of dependants are gone, and so the way back: what was recreated refers to the
 * successor.
 */
export const committedSteps: readonly SwapStep[] = [lookAgain, parkPolicy, stopAgain, start, startRecreated];

/** What is left where the successor is this very process: that it runs here proves it, and it cannot undo itself. */
export const selfUpdateSteps = [lookAgain, ...[parkPolicy, recreateDependants].map(withoutUndo)];
