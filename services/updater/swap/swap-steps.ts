// The steps of a swap, in order. A new step is one entry here; every list below follows from this one and from what is
// observed, and so do the tests that kill and break the updater after each step.
import { awaitTurn, checkLock, recordIntent } from "./before-stop.ts";
import { verifyUpdatedDependants, recreateDependants, startRecreated } from "./recreate-dependants.ts";
import { lookForDependants } from "./start-dependants.ts";
import { moveAside, takeName } from "./exchange-names.ts";
import { DOWNTIME_STEPS, create, parkPolicy, verifySuccessor, start, stop } from "./swap.ts";
import { type ObservedSwap, type StepsLeft, stepsLeft, stepsToUndo } from "./swap-phase.ts";
import type { Swap, SwapStep } from "./swap-state.ts";
import { keepOldImages } from "./rollback-resources.ts";

export const allSteps: readonly SwapStep[] = [
  create,
  awaitTurn,
  recordIntent,
  checkLock,
  lookForDependants,
  keepOldImages,
  stop,
  moveAside,
  takeName,
  parkPolicy,
  start,
  verifySuccessor,
  recreateDependants,
  startRecreated,
  verifyUpdatedDependants,
];

/** Those of a swap that nothing interrupted. */
export const swapSteps = allSteps.filter(({ isRecoveryOnly }) => isRecoveryOnly !== true);

/** Those that recreate a dependant. */
export const recreateSteps = allSteps.flatMap((step) =>
  step.forDependant === undefined ? [] : [step.forDependant === "same" ? step : step.forDependant],
);

/** Those about the container alone, without its dependants. */
export const stepsOfContainer = allSteps.filter(({ forDependant }) => forDependant !== undefined);

/** If this step fails, no running container was touched. */
export const isHarmless = (name: string): boolean => {
  const at = (step: string): number => allSteps.findIndex((candidate) => candidate.name === step);
  return at(name) < at(DOWNTIME_STEPS.from);
};

/** What is left of an interrupted swap. */
export const stepsFrom = (observed: ObservedSwap): StepsLeft<Swap> => stepsLeft(allSteps, observed);

/** What there may be to undo of it. */
export const undoFrom = (observed: ObservedSwap): readonly SwapStep[] => stepsToUndo(allSteps, observed);
