// What a person has to do where an update could neither be finished nor undone.
import { explain } from "../../../shared/errors.ts";
import type { Failure } from "./saga.ts";
import type { Swap } from "./swap.ts";
import { backupName } from "./swap-names.ts";

export function byHand(
  swap: Swap,
  it: { readonly failed: string; readonly cause: unknown; readonly left: readonly Failure[] },
): string {
  const left = it.left
    .map(({ step, error }) => `"${step}" could not be undone (${explain(error)})`)
    .join("; ");
  const backup = backupName(swap.name, swap.run);
  const happened = `"${it.failed}" failed (${explain(it.cause)}) and ${left}`;
  if (swap.isLost === true)
    return (
      `${happened}. Somebody removed the old container and its image, so the new container runs as ${swap.name}. ` +
      `To go back, create ${swap.name} again from an image that is good`
    );
  return (
    `${happened}. Once what stood in the way is gone, ` +
    `\`ouroboros repair ${swap.name}\` puts it right. By hand: see \`docker ps -a --filter name=${swap.name}\`; ` +
    `the old container is ${swap.old.Id.slice(0, 12)}: remove what else bears the name ${swap.name}, rename ${backup} to ${swap.name} if it bears that name, and start it`
  );
}
