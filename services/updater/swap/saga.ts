// Steps in order; on a failure the ones begun are undone, last first.
//   S1  A step counts as begun before its `do`, so that one that failed half-way is undone too.
//   S2  Hence every `undo` tolerates "nothing there" and may be repeated.
//   S3  All undos are tried, also after one failed: the more is back, the better. What failed is tried again, in
//       rounds, for as long as who watches says so: a third party may hold a port, the Engine may be away.
//   S4  What a step with `tells` made is how a later process knows that something was begun. It stays while another
//       undo fails.

export interface Step<State> {
  readonly name: string;
  readonly do: (state: State) => Promise<void>;
  readonly undo?: (state: State) => Promise<void>;
  readonly tells?: true;
}

export type SagaOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "undone"; readonly failed: string; readonly cause: unknown }
  | {
      readonly kind: "stuck";
      readonly failed: string;
      readonly cause: unknown;
      readonly left: readonly Failure[];
    };

export interface Failure {
  readonly step: string;
  readonly error: unknown;
}

export interface StepObserver {
  readonly onBegin: (step: string) => void;
  readonly onDone: (step: string, ms: number) => void;
  readonly onUndone: (step: string, error?: unknown) => void;
  readonly monotonic: () => number;
  /** Resolves, after a pause, with whether the undos that failed are tried again. */
  readonly shouldRetry: (failures: readonly Failure[]) => Promise<boolean>;
}

/** `begun` steps were done by an earlier process: they are undone with the others if a later one fails. */
export async function runSteps<State>(
  steps: readonly Step<State>[],
  state: State,
  watching: StepObserver,
  begun: readonly Step<State>[] = [],
): Promise<SagaOutcome> {
  const toUndo = [...begun];
  for (const step of steps) {
    toUndo.push(step);
    watching.onBegin(step.name);
    const from = watching.monotonic();
    try {
      await step.do(state);
    } catch (cause) {
      const left = await undoSteps(toUndo, state, watching);
      return left.length === 0
        ? { kind: "undone", failed: step.name, cause }
        : { kind: "stuck", failed: step.name, cause, left };
    }
    watching.onDone(step.name, watching.monotonic() - from);
  }
  return { kind: "done" };
}

/** Undoes all of them, last first; resolves with what failed for good. */
export async function undoSteps<State>(
  steps: readonly Step<State>[],
  state: State,
  watching: StepObserver,
): Promise<Failure[]> {
  for (let left = [...steps].reverse(); ;) {
    const { failures, kept } = await undoRound(left, state, watching);
    if (failures.length === 0 || !(await watching.shouldRetry(failures))) return failures;
    left = left.filter(
      (step) => kept.includes(step) || failures.some((failure) => failure.step === step.name),
    );
  }
}

/** Acts that are tried like undos, in this order, each until it is done; resolves with what failed for good. */
export const tryAll = <State>(
  acts: readonly Omit<Step<State>, "undo" | "tells">[],
  state: State,
  watching: StepObserver,
): Promise<Failure[]> =>
  undoSteps(acts.map(({ name, do: act }) => ({ name, do: act, undo: act })).toReversed(), state, watching);

async function undoRound<State>(
  steps: readonly Step<State>[],
  state: State,
  watching: StepObserver,
): Promise<{ readonly failures: Failure[]; readonly kept: readonly Step<State>[] }> {
  const failures: Failure[] = [];
  const kept: Step<State>[] = [];
  for (const step of steps) {
    if (step.tells === true && failures.length > 0) {
      kept.push(step);
      continue;
    }
    try {
      await step.undo?.(state);
      if (step.undo) watching.onUndone(step.name);
    } catch (error) {
      failures.push({ step: step.name, error });
      watching.onUndone(step.name, error);
    }
  }
  return { failures, kept };
}
