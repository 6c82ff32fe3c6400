// How far an interrupted swap got, by what a later process observes, and which steps are left from there. Pure.
import type { Step } from "./saga.ts";

/** What is observed of the two containers of a swap, whatever state they are in. */
export interface ObservedSwap {
  /** The old container has its name, has the backup name, is known from its snapshot alone, or is unknown. */
  readonly old: "named" | "aside" | "gone" | "unknown";
  /** The successor has its temporary name or the name of the old container, or there is none. */
  readonly successor: "temporary" | "named" | "none";
  /** It ends as the swap of the container it refers to ends. */
  readonly isDependant?: boolean;
  /** The successor is the container of this very process. */
  readonly isOwn?: boolean;
  /** The old container of a recreated dependant is removed already. */
  readonly isCommitted?: boolean;
}

/** Nothing was done yet. */
export const NOT_BEGUN: ObservedSwap = { old: "named", successor: "none" };

/**
 * What recovery does (recover-host.ts):
 * - `nothing`: there is nothing of the swap.
 * - `adopt`: only the successor is left; it takes the name.
 * - `restore`: R3, only the old container is left; it runs again.
 * - `roll back`: R1, the names are not exchanged; the successor is removed, the old container runs again.
 * - `resume`: R2, the names are exchanged; the steps that are left are done, or all are undone if one of them fails.
 * - `resume own`: the same for the container of this process: that it runs verifies it, and it cannot undo itself.
 * - `finish`: R6, it was being committed: the steps that are left are tried until they are done.
 * - `follow parent`: R5, a recreated dependant stays or goes with the container that it refers to.
 */
export type SwapPhase =
  "nothing" | "adopt" | "restore" | "roll back" | "resume" | "resume own" | "finish" | "follow parent";

const PHASES: Readonly<Record<ObservedSwap["old"], Readonly<Record<ObservedSwap["successor"], SwapPhase>>>> =
  {
    unknown: { none: "nothing", temporary: "adopt", named: "nothing" },
    named: { none: "restore", temporary: "roll back", named: "nothing" },
    aside: { none: "restore", temporary: "roll back", named: "resume" },
    gone: { none: "restore", temporary: "roll back", named: "resume" },
  };

export function phaseOf(observed: ObservedSwap): SwapPhase {
  const phase = PHASES[observed.old][observed.successor];
  if (phase !== "resume") return phase;
  if (observed.isDependant === true) return "follow parent";
  if (observed.isOwn === true) return "resume own";
  return observed.isCommitted === true ? "finish" : phase;
}

/** Was the successor verified, and did nobody refuse it? */
export const isVerified = ({ isOwn, isCommitted }: ObservedSwap): boolean =>
  isOwn === true || isCommitted === true;

/** A step that a later process can take up. */
export interface RecoverableStep<State> extends Step<State> {
  /**
   * Its effect is there already, so it is not done again. Always false for a step whose effect may be lost. Only the
   * containers are observed: about an effect elsewhere their names tell.
   */
  readonly isDone: (observed: ObservedSwap) => boolean;
  /** Without a successor there is nothing of it to undo. */
  readonly needsSuccessor?: true;
  /** Without a successor this step's result is the crash marker: it is undone after the step that is named here. */
  readonly marksAfter?: string;
  /** Not a step of a swap that nothing interrupted. */
  readonly isRecoveryOnly?: true;
  /** Also a step where a dependant is recreated by itself: the same one, or this one. */
  readonly forDependant?: "same" | RecoverableStep<State>;
}

export interface StepsLeft<State> {
  /** An earlier process began them: they are undone with the others if a step fails. */
  readonly begun: readonly RecoverableStep<State>[];
  readonly left: readonly RecoverableStep<State>[];
}

export function stepsLeft<State>(
  steps: readonly RecoverableStep<State>[],
  observed: ObservedSwap,
): StepsLeft<State> {
  const last = steps.findLastIndex((step) => step.isDone(observed));
  return { begun: steps.slice(0, last + 1), left: steps.filter((step) => !step.isDone(observed)) };
}

/** What there may be to undo, in the order in which it was done. */
export function stepsToUndo<State>(
  steps: readonly RecoverableStep<State>[],
  { successor }: ObservedSwap,
): readonly RecoverableStep<State>[] {
  if (successor !== "none") return steps;
  const begun = steps.filter(({ needsSuccessor }) => needsSuccessor !== true);
  const markers = begun.filter(({ marksAfter }) => marksAfter !== undefined);
  return begun
    .filter((step) => !markers.includes(step))
    .flatMap((step) => [
      ...markers
        .filter(({ marksAfter }) => marksAfter === step.name)
        .map((marker) => ({ ...marker, outlastsFailedUndo: true as const })),
      step,
    ]);
}
