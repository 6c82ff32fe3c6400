// Commits a swap: removes what only an undo needs (swap.ts: U2; swap-dependants.ts: D1). From the first removal on there is
// no way back, so each is tried until it is done, as an undo is.
import { Suspended, explain } from "../../../shared/errors.ts";
import { renameContainer } from "../containers/rename-container.ts";
import { dropSnapshot } from "../journal/snapshot-store.ts";
import { releaseOldImages } from "./rollback-resources.ts";
import { type Step, tryAll } from "./saga.ts";
import type { Swap } from "./swap-state.ts";
import { SwapTimer, type SwapTimerOptions } from "./swap-timer.ts";
import { removeBackup } from "./swap.ts";

type CommitAct = Pick<Step<Swap>, "name" | "do">;

/**
 * `context.log` names the container. What cannot be removed at all is logged; the next start of the updater removes it.
 * @throws Suspended if the service stops before it is done
 */
export const commitSwap = (swap: Swap, context: SwapTimerOptions): Promise<void> =>
  commit(swap, context, { name: "remove the old container", do: removeBackup });

/** The old container stays, stopped, under another name. @throws Suspended as commitSwap does */
export const commitAndKeep = (swap: Swap, keptName: string, context: SwapTimerOptions): Promise<void> =>
  commit(swap, context, {
    name: "keep the old container",
    do: ({ engine, old }) => renameContainer(engine, old.Id, keptName),
  });

/** From here on, nothing that a prune removes is needed any more. */
export async function dropSwapSnapshots(swap: Swap): Promise<void> {
  for (const { snapshotStore, run, name } of [swap, ...swap.dependants])
    await dropSnapshot(snapshotStore, run, name);
}

const commitActs: readonly CommitAct[] = [
  { name: "drop the snapshots", do: dropSwapSnapshots },
  { name: "let go of the old image", do: releaseOldImages },
  {
    name: "remove the old dependants",
    do: async ({ dependants }) => {
      for (const dependant of dependants.toReversed()) await removeBackup(dependant); // podman: children first
    },
  },
];

async function commit(swap: Swap, context: SwapTimerOptions, last: CommitAct): Promise<void> {
  const [left] = await tryAll([...commitActs, last], swap, new SwapTimer(context));
  if (left === undefined) return;
  const { step, error } = left;
  if (context.hardStop.aborted)
    throw new Suspended("stopped while the old container was removed", { cause: error });
  context.log.error(
    { step, because: explain(error) },
    "what the update no longer needs is left; the next start of the updater removes it",
  );
}
