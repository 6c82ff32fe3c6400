// Describes what a person has to do after an update that could be neither finished nor undone.
import { explain } from "../../../shared/errors.ts";
import type { Failure } from "./saga.ts";
import type { Swap } from "./swap-state.ts";
import { backupNameOf } from "./exchange-names.ts";

export function describeManualFix(
  swap: Swap,
  outcome: { readonly failed: string; readonly cause: unknown; readonly left: readonly Failure[] },
): string {
  const left = outcome.left
    .map(({ step, error }) => `"${step}" could not be undone (${explain(error)})`)
    .join("; ");
  const backup = backupNameOf(swap);
  const happened = `"${outcome.failed}" failed (${explain(outcome.cause)}) and ${left}`;
  const { name, run } = swap;
  if (swap.lost === "replaced")
    return (
      `${happened}. The old container and its image were removed, so the new container runs as ${name}. ` +
      `To go back, create ${name} again from an image that is good`
    );
  if (swap.lost === "gone")
    return (
      `${happened}. The old container, the new one and their images were removed. Once one of the images can be pulled, ` +
      `\`ouroboros repair ${name}\` makes ${name} again from its snapshot (run ${run}) in DATA_DIR`
    );
  return (
    `${happened}. Once what stood in the way is gone, ` +
    `\`ouroboros repair ${swap.name}\` puts it right. By hand: see \`docker ps -a --filter name=${swap.name}\`; ` +
    `the old container is ${swap.old.Id.slice(0, 12)}: remove what else bears the name ${swap.name}, rename ${backup} to ${swap.name} if it bears that name, and start it`
  );
}
