// Observes whether an earlier process was committing a swap: it cannot be rolled back any more (recover-host.ts: R6).
import { ifExists } from "../../../shared/docker/engine.ts";
import { isReferredTo, predatesSuccessor } from "../swap/swap-dependants.ts";
import type { Swap } from "../swap/swap-state.ts";
import { parseSwapName } from "../../../shared/containers/swap-names.ts";

/** A container that refers to the successor was made after it, and has no old container any more. */
export async function isCommitted(swap: Swap): Promise<boolean> {
  const { docker } = swap.engine;
  // A commit drops the snapshot first.
  if (swap.snapshots?.some(({ container }) => container.Id === swap.old.Id)) return false;
  const successor = await docker.getContainer(swap.successor ?? swap.name).inspect();
  const all = await docker.listContainers({ all: true });
  const parts = all.flatMap(({ Names }) => Names.map((name) => parseSwapName(name.slice(1))));
  for (const [id, targets] of await swap.references.list(swap.engine)) {
    const inspect = isReferredTo(targets, successor)
      ? await ifExists(docker.getContainer(id).inspect())
      : undefined;
    if (inspect === undefined || predatesSuccessor(inspect, swap)) continue;
    const name = inspect.Name.slice(1);
    const hasBackup = parts.some(
      (swapName) => swapName?.part === "backup" && swapName.name === name && swapName.run === swap.run,
    );
    if (!hasBackup && parseSwapName(name) === undefined) return true;
  }
  return false;
}
