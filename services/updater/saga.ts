// Steps in order; on a failure the ones begun are undone, last first.
//   S1  A step counts as begun before its `do`, so that one that failed half-way is undone too.
//   S2  Hence every `undo` tolerates "nothing there" and may be repeated.
//   S3  All undos are tried, also after one failed: the more is back, the better.

export interface Step<State> {
  readonly name: string;
  readonly do: (state: State) => Promise<void>;
  readonly undo?: (state: State) => Promise<void>;
}

export type Outcome =
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

export interface Watching {
  readonly begins: (step: string) => void;
  readonly did: (step: string, ms: number) => void;
  readonly undid: (step: string, error?: unknown) => void;
  readonly monotonic: () => number;
}

/** `begun` steps were done by an earlier process: they are undone with the others if a later one fails. */
export async function runSteps<State>(
  steps: readonly Step<State>[],
  state: State,
  watching: Watching,
  begun: readonly Step<State>[] = [],
): Promise<Outcome> {
  const toUndo = [...begun];
  for (const step of steps) {
    toUndo.push(step);
    watching.begins(step.name);
    const from = watching.monotonic();
    try {
      await step.do(state);
    } catch (cause) {
      const left = await undoSteps(toUndo, state, watching);
      return left.length === 0
        ? { kind: "undone", failed: step.name, cause }
        : { kind: "stuck", failed: step.name, cause, left };
    }
    watching.did(step.name, watching.monotonic() - from);
  }
  return { kind: "done" };
}

/** Undoes all of them, last first; resolves with what failed. */
export async function undoSteps<State>(
  steps: readonly Step<State>[],
  state: State,
  watching: Watching,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const step of [...steps].reverse()) {
    try {
      await step.undo?.(state);
      if (step.undo) watching.undid(step.name);
    } catch (error) {
      failures.push({ step: step.name, error });
      watching.undid(step.name, error);
    }
  }
  return failures;
}
