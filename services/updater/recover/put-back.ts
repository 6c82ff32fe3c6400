// The ways out of a swap that was left behind which recovery takes by itself (recover.ts: R1, R3, R5).
import { ALREADY_SO, tolerating } from "../../../shared/engine.ts";
import { explain } from "../../../shared/errors.ts";
import type { End } from "../../../shared/payloads.ts";
import { dropDocument } from "../journal/documents.ts";
import { byHand } from "../swap/by-hand.ts";
import { ranBefore } from "../swap/dependants.ts";
import { letDependantsRun } from "../swap/recreate.ts";
import { undoSteps } from "../swap/saga.ts";
import { type Swap, type SwapStep, moveAside, parkPolicy, removeBackup, stop } from "../swap/swap.ts";
import type { Parts } from "../swap/swap-parts.ts";
import { ofHalfSwap } from "../swap/swap-steps.ts";
import { Timed } from "../swap/timed.ts";
import { type Begun, type RecoveringSwaps, isAlone, swapFrom, wasStoppedByUs } from "./begun.ts";

/** How a swap that was left behind ended. */
export interface Restored {
  readonly container: string;
  readonly run: string;
  readonly end: Extract<End, "updated" | "rolled_back" | "stuck">;
  readonly because: string;
  /** The container that was replaced; undefined for a dependant, which has no update of its own. */
  readonly swap: Swap | undefined;
}

/** R3: the backup's name tells what was begun, and so stays until it runs (saga.ts, S4). */
const ofBackup: readonly SwapStep[] = [letDependantsRun, { ...moveAside, tells: true }, stop, parkPolicy];

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
  const isStarted = how.start && (isAlone(parts) || wasStoppedByUs(parts));
  const steps = (isAlone(parts) ? ofBackup : ofHalfSwap).filter(
    (step) => isStarted || (step !== stop && step !== letDependantsRun),
  );
  const failures = await undoSteps(steps, swap, new Timed({ clock: it.clock, log, hardStop: it.hardStop }));
  for (const { step, error } of failures)
    log.error({ step, because: explain(error) }, "recovery: undo failed");
  if (failures.length === 0) await dropDocument(it, run, name);
  const cause = "the updater ended in the middle of it";
  return {
    container: name,
    run,
    swap: parts.isDependant ? undefined : swap,
    ...(failures.length > 0
      ? {
          end: "stuck",
          because: byHand(swap, { failed: "put the old container back", cause, left: failures }),
        }
      : { end: "rolled_back", because: `${cause}; the old container was put back` }),
  };
}

/** R5. */
export async function keepRecreated(it: RecoveringSwaps, parts: Begun): Promise<Restored> {
  const { name: container, run } = parts;
  const swap = await swapFrom(it, parts);
  if (ranBefore(swap))
    await tolerating([ALREADY_SO], it.host.engine.docker.getContainer(parts.next.Id).start());
  await removeBackup(swap);
  it.log.warn({ container, run }, "a dependant that was recreated is kept");
  return { container, run, end: "updated", because: "it was recreated with its parent", swap: undefined };
}

/** Somebody removed the old container meanwhile: the new one is all there is. */
export async function takeOver(
  { host }: RecoveringSwaps,
  { name, run, successor }: Parts,
): Promise<Restored | undefined> {
  if (successor === undefined) return undefined;
  const container = host.engine.docker.getContainer(successor.Id);
  await container.rename({ name });
  await tolerating([ALREADY_SO], container.start());
  const because = "somebody removed the old container; the new one is all there is";
  return { container: name, run, end: "updated", because, swap: undefined };
}
