// The ways out of a swap that was left behind which recovery takes by itself (recover.ts: R1, R3, R5).
import type { ContainerInspectInfo } from "dockerode";
import { ALREADY_SO, ifThere, tolerating } from "../../../shared/engine.ts";
import { explain } from "../../../shared/errors.ts";
import type { End } from "../../../shared/payloads.ts";
import { dropSnapshot } from "../journal/snapshots.ts";
import { sayReplaced } from "../swap/adopted.ts";
import { byHand } from "../swap/by-hand.ts";
import { letDependantsRun } from "../swap/recreate.ts";
import { remove, rename } from "../swap/rename.ts";
import { type Failure, tryAll, undoSteps } from "../swap/saga.ts";
import { type Swap, stop } from "../swap/swap.ts";
import type { SwapParts } from "../swap/swap-parts.ts";
import { ofBackup, ofHalfSwap } from "../swap/swap-steps.ts";
import { Timed } from "../swap/timed.ts";
import { type Begun, type RecoveringSwaps, isAlone, swapFrom, wasStoppedByUs } from "./begun.ts";

/** How a swap that was left behind ended. */
export interface Restored {
  readonly container: string;
  readonly run: string;
  readonly end: Extract<End, "updated" | "rolled_back" | "expired" | "stuck">;
  readonly because: string;
  /** The container that was replaced; undefined for a dependant, which has no update of its own. */
  readonly swap: Swap | undefined;
}

/** What cannot be done at once is tried for a while; what cannot be done at all keeps no other container down. */
export async function patiently(
  it: RecoveringSwaps,
  { name: container, run }: Pick<SwapParts, "name" | "run">,
  act: () => Promise<Restored | undefined>,
): Promise<Restored | undefined> {
  const log = it.log.child({ container, run });
  let ended: Restored | undefined;
  const step = {
    name: "put right what was begun",
    do: async () => {
      ended = await act();
    },
  };
  const [failure] = await tryAll([step], null, timedBy(it, log));
  if (failure === undefined) return ended;
  if (it.hardStop.aborted) throw failure.error;
  const because = `what was begun with it could not be put right (${explain(failure.error)}). Once what stood in the way is gone, \`ouroboros repair ${container}\` does so`;
  return { container, run, end: "stuck", because, swap: undefined };
}

export const timedBy = ({ clock, hardStop }: RecoveringSwaps, log: RecoveringSwaps["log"]): Timed =>
  new Timed({ clock, log, hardStop });

/** R1, R3. */
export async function putBack(
  it: RecoveringSwaps,
  parts: Begun,
  how: { readonly start: boolean },
): Promise<Restored> {
  const { name, run } = parts;
  const log = it.log.child({ container: name, run });
  log.warn("a swap that was not committed is put back");
  const swap = await swapFrom(it, parts);
  await letDependantsRun.do(swap);
  const isStarted = how.start && (isAlone(parts) || wasStoppedByUs(parts, it));
  const steps = (isAlone(parts) ? ofBackup : ofHalfSwap).filter(
    (step) => isStarted || (step !== stop && step !== letDependantsRun),
  );
  const failures = await undoSteps(steps, swap, timedBy(it, log));
  if (failures.length === 0) await dropSnapshot(it, run, name);
  return restoredTo(swap, { failures, isDependant: parts.isDependant, log });
}

interface Undone {
  readonly failures: readonly Failure[];
  readonly isDependant: boolean;
  readonly log: RecoveringSwaps["log"];
}

export function restoredTo(swap: Swap, { failures, isDependant, log }: Undone): Restored {
  for (const { step, error } of failures)
    log.error({ step, because: explain(error) }, "recovery: undo failed");
  const cause = "the updater ended in the middle of it";
  return {
    container: swap.name,
    run: swap.run,
    swap: isDependant ? undefined : swap,
    ...(failures.length > 0
      ? {
          end: "stuck",
          because: byHand(swap, { failed: "put the old container back", cause, left: failures }),
        }
      : (expiredOf(swap) ?? { end: "rolled_back", because: `${cause}; the old container was put back` })),
  };
}

/** R9 */
export const expiredOf = ({ replacement, kept }: Swap): Pick<Restored, "end" | "because"> | undefined =>
  replacement && { end: "expired", because: sayReplaced(replacement, kept) };

/** Somebody removed the old container meanwhile: the new one is all there is, unless they put another in its place. */
export async function takeOver(
  { host, clock }: RecoveringSwaps,
  { name, run, successor }: SwapParts,
): Promise<Restored | undefined> {
  if (successor === undefined) return undefined;
  const { engine } = host;
  const theirs = () => ifThere(engine.docker.getContainer(name).inspect());
  const yieldTo = async ({ Id: id }: ContainerInspectInfo): Promise<Restored> => {
    await remove({ engine, clock }, successor.Id, { v: true });
    return {
      ...{ container: name, run, end: "expired", swap: undefined },
      because: sayReplaced({ id, name, by: "name" }),
    };
  };
  const before = await theirs();
  if (before !== undefined && before.Id !== successor.Id) return yieldTo(before);
  await tolerating([ALREADY_SO], engine.docker.getContainer(successor.Id).start());
  try {
    await rename(engine, successor.Id, name); // its name tells that it was begun
  } catch (error) {
    const meanwhile = await theirs();
    if (meanwhile !== undefined) return yieldTo(meanwhile);
    throw error;
  }
  const because = "somebody removed the old container; the new one is all there is";
  return { container: name, run, end: "updated", because, swap: undefined };
}
