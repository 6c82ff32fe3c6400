// Ends an interrupted swap without its run: rolls it back, or adopts its successor (recover-host.ts: R1, R3, R5).
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { NOT_MODIFIED, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import type { UpdateResult } from "../../../shared/contract/payloads.ts";
import { dropSnapshot } from "../journal/snapshot-store.ts";
import { describeReplacement } from "../swap/replacement.ts";
import { describeManualFix } from "../swap/manual-fix.ts";
import { lookForDependants } from "../swap/start-dependants.ts";
import { removeContainer, renameContainer } from "../containers/rename-container.ts";
import { type Failure, tryAll, undoSteps } from "../swap/saga.ts";
import type { Swap } from "../swap/swap-state.ts";
import type { SwapContainers } from "../swap/swap-containers.ts";
import { phaseOf } from "../swap/swap-phase.ts";
import { undoFrom } from "../swap/swap-steps.ts";
import { SwapTimer } from "../swap/swap-timer.ts";
import {
  type InterruptedSwap,
  type SwapRecoveryContext,
  rebuildSwap,
  wasStoppedByUs,
} from "./interrupted-swap.ts";

/** How an interrupted swap ended. */
export interface SwapRecoveryResult {
  readonly container: string;
  readonly run: string;
  readonly end: Extract<UpdateResult, "updated" | "rolled_back" | "expired" | "stuck">;
  readonly because: string;
  /** The swap that ended; undefined for a dependant, which has no update of its own. */
  readonly swap: Swap | undefined;
}

/** Retries what fails for a while. A swap that cannot be repaired at all keeps no other container down. */
export async function recoverWithRetries(
  context: SwapRecoveryContext,
  { name: container, run }: Pick<SwapContainers, "name" | "run">,
  act: () => Promise<SwapRecoveryResult | undefined>,
): Promise<SwapRecoveryResult | undefined> {
  const log = context.log.child({ container, run });
  let result: SwapRecoveryResult | undefined;
  const step = {
    name: "put right what was begun",
    do: async () => {
      result = await act();
    },
  };
  const [failure] = await tryAll([step], null, createRecoveryTimer(context, log));
  if (failure === undefined) return result;
  if (context.hardStop.aborted) throw failure.error;
  const because = `what was begun with it could not be put right (${explain(failure.error)}). Once what stood in the way is gone, \`ouroboros repair ${container}\` does so`;
  return { container, run, end: "stuck", because, swap: undefined };
}

export const createRecoveryTimer = (
  { clock, hardStop }: SwapRecoveryContext,
  log: SwapRecoveryContext["log"],
): SwapTimer => new SwapTimer({ clock, log, hardStop });

export const CUT_OFF = "the updater ended in the middle of it";

interface RollbackOptions {
  /** Whether the old container may run. */
  readonly start: boolean;
  readonly cause?: string;
}

/** R1, R3. */
export async function rollBackSwap(
  context: SwapRecoveryContext,
  parts: InterruptedSwap,
  { start, cause = CUT_OFF }: RollbackOptions,
): Promise<SwapRecoveryResult> {
  const { name, run, observed } = parts;
  const log = context.log.child({ container: name, run });
  log.warn("an unfinished replacement is undone");
  const isStarted = start && (phaseOf(observed) === "restore" || wasStoppedByUs(parts, context));
  const swap = await rebuildSwap(context, { ...parts, staysStopped: !isStarted });
  await lookForDependants.do(swap);
  const failures = await undoSteps(undoFrom(observed), swap, createRecoveryTimer(context, log));
  if (failures.length === 0) await dropSnapshot(context, run, name);
  return resultOfUndo(swap, { failures, cause, isDependant: observed.isDependant === true, log });
}

interface UndoResult {
  readonly failures: readonly Failure[];
  readonly cause: string;
  readonly isDependant: boolean;
  readonly log: SwapRecoveryContext["log"];
}

export function resultOfUndo(
  swap: Swap,
  { failures, cause, isDependant, log }: UndoResult,
): SwapRecoveryResult {
  for (const { step, error } of failures)
    log.error({ step, because: explain(error) }, "recovery: undo failed");
  return {
    container: swap.name,
    run: swap.run,
    swap: isDependant ? undefined : swap,
    ...(failures.length > 0
      ? {
          end: "stuck",
          because: describeManualFix(swap, { failed: "put the old container back", cause, left: failures }),
        }
      : (resultIfReplaced(swap) ?? {
          end: "rolled_back",
          because: `${cause}; the old container was put back`,
        })),
  };
}

/** R9 */
export const resultIfReplaced = ({
  replacement,
  kept,
}: Swap): Pick<SwapRecoveryResult, "end" | "because"> | undefined =>
  replacement && { end: "expired", because: describeReplacement(replacement, kept) };

/** Somebody removed the old container: only the successor is left, unless they put another container in its place. */
export async function adoptSuccessor(
  { host, clock }: SwapRecoveryContext,
  { name, run, successor }: SwapContainers,
): Promise<SwapRecoveryResult | undefined> {
  if (successor === undefined) return undefined;
  const { engine } = host;
  const findNamed = () => ifExists(engine.docker.getContainer(name).inspect());
  const yieldTo = async ({ Id: id }: ContainerInspection): Promise<SwapRecoveryResult> => {
    await removeContainer({ engine, clock }, successor.Id, { v: true });
    return {
      ...{ container: name, run, end: "expired", swap: undefined },
      because: describeReplacement({ id, name, by: "name" }),
    };
  };
  const before = await findNamed();
  if (before !== undefined && before.Id !== successor.Id) return yieldTo(before);
  await ignoreStatuses([NOT_MODIFIED], engine.docker.getContainer(successor.Id).start());
  try {
    await renameContainer(engine, successor.Id, name); // last: its temporary name marks the swap as begun
  } catch (error) {
    const meanwhile = await findNamed();
    if (meanwhile !== undefined) return yieldTo(meanwhile);
    throw error;
  }
  const because = "somebody removed the old container; the new one is all there is";
  return { container: name, run, end: "updated", because, swap: undefined };
}
