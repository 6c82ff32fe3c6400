// Runs steps in order. If one fails, undoes the begun steps, last first.
//   S1  A step counts as begun before its `do` runs, so a step that failed half-way is undone too.
//   S2  Hence every `undo` tolerates "nothing there" and may be repeated.
//   S3  All undos are tried, even after one fails: the more is restored, the better. Failed undos are retried in
//       rounds, for as long as the observer's `shouldRetry` says so: another process may hold a port, the Engine may
//       be away.
//   S4  A step with `outlastsFailedUndo` is not undone while another undo fails: its result is a crash marker, which shows a
//       later process that a saga was begun, or the failed undo still needs it.

export interface Step<State> {
  readonly name: string;
  readonly do: (state: State) => Promise<void>;
  readonly undo?: (state: State) => Promise<void>;
  readonly outlastsFailedUndo?: true;
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
  /** An act of `tryAll` is done, or failed and may be tried again. */
  readonly onTried: (act: string, error?: unknown) => void;
  readonly monotonic: () => number;
  /** Resolves, after a pause, with whether to retry the failed undos. */
  readonly shouldRetry: (failures: readonly Failure[]) => Promise<boolean>;
}

/**
 * `begun`: steps that an earlier process began, in order. They are undone with the others if a step fails. Those of them
 * that are in `steps` too are done again.
 */
export async function runSteps<State>(
  steps: readonly Step<State>[],
  state: State,
  observer: StepObserver,
  begun: readonly Step<State>[] = [],
): Promise<SagaOutcome> {
  const toUndo = [...begun];
  for (const step of steps) {
    if (!begun.includes(step)) toUndo.push(step);
    observer.onBegin(step.name);
    const from = observer.monotonic();
    try {
      await step.do(state);
    } catch (cause) {
      const left = await undoSteps(toUndo, state, observer);
      return left.length === 0
        ? { kind: "undone", failed: step.name, cause }
        : { kind: "stuck", failed: step.name, cause, left };
    }
    observer.onDone(step.name, observer.monotonic() - from);
  }
  return { kind: "done" };
}

type UndoObserver = Pick<StepObserver, "onUndone" | "shouldRetry">;

/** Undoes all steps, last first. Resolves with the undos that failed for good. */
export async function undoSteps<State>(
  steps: readonly Step<State>[],
  state: State,
  observer: UndoObserver,
): Promise<Failure[]> {
  for (let left = [...steps].reverse(); ;) {
    const { failures, kept } = await undoRound(left, state, observer);
    if (failures.length === 0 || !(await observer.shouldRetry(failures))) return failures;
    left = left.filter(
      (step) => kept.includes(step) || failures.some((failure) => failure.step === step.name),
    );
  }
}

/** Runs acts in this order and retries each like an undo. Resolves with the acts that failed for good. */
export const tryAll = <State>(
  acts: readonly Omit<Step<State>, "undo" | "outlastsFailedUndo">[],
  state: State,
  observer: Pick<StepObserver, "onTried" | "shouldRetry">,
): Promise<Failure[]> =>
  undoSteps(acts.map(({ name, do: act }) => ({ name, do: act, undo: act })).toReversed(), state, {
    onUndone: (act, error) => observer.onTried(act, error),
    shouldRetry: (failures) => observer.shouldRetry(failures),
  });

/** Calls `act` for each, also after one call failed. @throws the first failure */
export async function tryEach<Item>(
  items: readonly Item[],
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) await act(item).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

async function undoRound<State>(
  steps: readonly Step<State>[],
  state: State,
  observer: UndoObserver,
): Promise<{ readonly failures: Failure[]; readonly kept: readonly Step<State>[] }> {
  const failures: Failure[] = [];
  const kept: Step<State>[] = [];
  for (const step of steps) {
    if (step.outlastsFailedUndo === true && failures.length > 0) {
      kept.push(step);
      continue;
    }
    try {
      await step.undo?.(state);
      if (step.undo) observer.onUndone(step.name);
    } catch (error) {
      failures.push({ step: step.name, error });
      observer.onUndone(step.name, error);
    }
  }
  return { failures, kept };
}
