// Goes on with an interrupted swap whose names are exchanged (recover-host.ts: R2, R6): the steps that are left by what
// is observed are done.
import { explain } from "../../../shared/errors.ts";
import { type SagaOutcome, runSteps, tryAll } from "../swap/saga.ts";
import { type ObservedSwap, phaseOf } from "../swap/swap-phase.ts";
import { type Swap, type SwapStep, isUpdated } from "../swap/swap-state.ts";
import { stepsFrom } from "../swap/swap-steps.ts";
import type { SwapTimer } from "../swap/swap-timer.ts";
import type { RecoveredSwap } from "../updater.ts";
import { isCommitted } from "./committed-swap.ts";
import { type InterruptedSwap, type SwapRecoveryContext, rebuildSwap } from "./interrupted-swap.ts";
import { createRecoveryTimer } from "./roll-back-swap.ts";

/** The outcome, by the container's name, of the swap and of the updates that are linked to it. */
export async function resumeSwap(
  context: SwapRecoveryContext,
  parts: InterruptedSwap,
): Promise<[string, RecoveredSwap][]> {
  const log = context.log.child({ container: parts.name, run: parts.run });
  const swap = await rebuildSwap(context, parts);
  const isOwn = context.host.own.includes(parts.next.Id);
  const observed = { ...parts.observed, isOwn, isCommitted: !isOwn && (await isCommitted(swap)) };
  const outcome = await goOn(observed, swap, createRecoveryTimer(context, log));
  const because = outcome.kind === "done" ? undefined : explain(outcome.cause);
  log.warn({ outcome: outcome.kind, because }, "resumed a replacement whose names were exchanged already");
  const linked = swap.dependants.filter(isUpdated);
  return [
    [swap.name, { swap, outcome }],
    ...linked.map((dependant): [string, RecoveredSwap] => [
      dependant.name,
      { swap: dependant, outcome, parent: swap.name },
    ]),
  ];
}

async function goOn(observed: ObservedSwap, swap: Swap, timed: SwapTimer): Promise<SagaOutcome> {
  const { begun, left } = stepsFrom(observed);
  switch (phaseOf(observed)) {
    case "resume":
      return runSteps(left, swap, timed, begun);
    case "resume own":
      return runSteps(left.map(withoutUndo), swap, timed);
    case "finish":
      return finish(left, swap, timed);
    case "nothing":
    case "adopt":
    case "restore":
    case "roll back":
    case "follow parent":
      throw new Error(`${swap.name}: its names are not exchanged`);
  }
}

const withoutUndo = ({ undo: _undo, ...step }: SwapStep): SwapStep => step;

/** Undoes nothing: each step is retried until it is done. */
async function finish(steps: readonly SwapStep[], swap: Swap, timed: SwapTimer): Promise<SagaOutcome> {
  const left = await tryAll(steps, swap, timed);
  const [first] = left;
  return first === undefined
    ? { kind: "done" }
    : { kind: "stuck", failed: first.step, cause: first.error, left };
}
