// The steps of a replacement, in order. A new step is one entry here; the tests that kill and break after each step
// take their list from this one.
import { letDependantsRun, recreateDependants } from "./dependants.ts";
import { type SwapStep, create, moveAside, parkPolicy, proveIt, start, stop, takeName } from "./swap.ts";

export const swapSteps: readonly SwapStep[] = [
  letDependantsRun,
  create,
  stop,
  moveAside,
  takeName,
  parkPolicy,
  start,
  proveIt,
  recreateDependants,
];

/** Where one of these fails, nothing that runs was touched. */
export const harmless: readonly string[] = [letDependantsRun.name, create.name];

/** Steps that a process before this one did if the names are exchanged, and those that are left then. */
export const ofSwappedNames = {
  done: [letDependantsRun, create, stop, moveAside, takeName],
  left: [letDependantsRun, parkPolicy, start, proveIt, recreateDependants],
} as const;

/**
 * What must be undone if the successor exists and the old container bears its own or the backup name. It may run even
 * so: one whose putting back was interrupted is started by an Engine that restarts, as its policy says.
 */
export const ofHalfSwap: readonly SwapStep[] = [letDependantsRun, create, stop, moveAside, parkPolicy, start];

const withoutUndo = ({ name, do: act }: SwapStep): SwapStep => ({ name, do: act });

/** What is left where the successor is this very process: that it runs here proves it, and it cannot undo itself. */
export const ofOurselves = [letDependantsRun, parkPolicy, recreateDependants].map(withoutUndo);
