// Finds the containers of unfinished swaps on an Engine, by their names alone.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { primaryName, parseSwapName } from "../../../shared/containers/swap-names.ts";

export interface SwapContainers {
  readonly name: string;
  readonly run: string;
  readonly current: ContainerInspection | undefined;
  readonly successor: ContainerInspection | undefined;
  readonly backup: ContainerInspection | undefined;
  /** The owner's container that has the name. */
  readonly theirs?: ContainerInspection;
  /** The beginning of the successor's id, if the backup's name contains it. */
  readonly successorId?: string;
}

export async function findSwapContainers(engine: Engine): Promise<SwapContainers[]> {
  const listed = await engine.docker.listContainers({ all: true });
  const named = listed.map(({ Names, Id }) => ({ id: Id, name: primaryName(Names) }));
  const swaps = named.map(({ name }) => parseSwapName(name)).filter((swap) => swap !== undefined);
  const inspect = async (name: string | undefined) =>
    name === undefined ? undefined : ifExists(engine.docker.getContainer(name).inspect());
  return Promise.all(
    [...new Map(swaps.map(({ name, run }) => [`${name} ${run}`, { name, run }])).values()].map(
      async ({ name, run }) => {
        const idOf = (part: string): string | undefined =>
          named.find((container) => {
            const swap = parseSwapName(container.name);
            return swap?.name === name && swap.run === run && swap.part === part;
          })?.id;
        const backup = await inspect(idOf("backup"));
        const successorId = parseSwapName(backup?.Name.slice(1) ?? "")?.successor;
        const renamed = named.find(({ id }) => successorId !== undefined && id.startsWith(successorId));
        return withTheirs(
          {
            ...{ name, run, backup },
            ...(successorId !== undefined && { successorId }),
            current: await inspect(named.find((container) => container.name === name)?.id),
            successor: await inspect(idOf("successor")),
          },
          await inspect(renamed?.id),
        );
      },
    ),
  );
}

/** `known`: the successor by its id, whatever its name is now: its owner may have renamed it. */
function withTheirs(parts: SwapContainers, known: ContainerInspection | undefined): SwapContainers {
  const { current, successor } = parts;
  if (current === undefined) return successor === undefined ? { ...parts, current: known } : parts;
  return isOurs(parts, current) ? parts : { ...parts, current: undefined, theirs: current };
}

/**
 * Beside a backup, the container with the name is ours if it is the successor, which was made before the old
 * container was stopped (swap.ts: U1); names from an earlier version do not contain its id. Beside a successor, it is
 * ours if it is older than the successor.
 */
function isOurs({ backup, successor, successorId }: SwapContainers, current: ContainerInspection): boolean {
  const timeOf = (time: string): number => Date.parse(time);
  if (successorId !== undefined) return current.Id.startsWith(successorId);
  if (backup !== undefined)
    return backup.State.Running || timeOf(current.Created) <= timeOf(backup.State.FinishedAt);
  return successor === undefined || timeOf(current.Created) <= timeOf(successor.Created);
}
