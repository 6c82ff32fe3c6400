// What an Engine holds of swaps that are not over, told by names alone.
import type { ContainerInspectInfo } from "dockerode";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { primaryName, parseSwapName } from "../../../shared/containers/swap-names.ts";

export interface SwapContainers {
  readonly name: string;
  readonly run: string;
  readonly current: ContainerInspectInfo | undefined;
  readonly successor: ContainerInspectInfo | undefined;
  readonly backup: ContainerInspectInfo | undefined;
  /** A container of its owner's that bears the name. */
  readonly theirs?: ContainerInspectInfo;
  /** The beginning of the successor's id, where the backup's name tells it. */
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
        const bearing = (part: string): string | undefined =>
          named.find((one) => {
            const swap = parseSwapName(one.name);
            return swap?.name === name && swap.run === run && swap.part === part;
          })?.id;
        const backup = await inspect(bearing("backup"));
        const successorId = parseSwapName(backup?.Name.slice(1) ?? "")?.successor;
        const renamed = named.find(({ id }) => successorId !== undefined && id.startsWith(successorId));
        return withTheirs(
          {
            ...{ name, run, backup },
            ...(successorId !== undefined && { successorId }),
            current: await inspect(named.find((one) => one.name === name)?.id),
            successor: await inspect(bearing("successor")),
          },
          await inspect(renamed?.id),
        );
      },
    ),
  );
}

/** `known`: the successor by its id, whatever it is called: its owner may have renamed it. */
function withTheirs(parts: SwapContainers, known: ContainerInspectInfo | undefined): SwapContainers {
  const { current, successor } = parts;
  if (current === undefined) return successor === undefined ? { ...parts, current: known } : parts;
  return isOurs(parts, current) ? parts : { ...parts, current: undefined, theirs: current };
}

/**
 * What bears the name beside a backup is its successor, which was made before the old one was stopped (swap.ts: U1); an
 * earlier version of the program did not name it. Beside a successor it is what that was made after.
 */
function isOurs({ backup, successor, successorId }: SwapContainers, current: ContainerInspectInfo): boolean {
  const at = (time: string): number => Date.parse(time);
  if (successorId !== undefined) return current.Id.startsWith(successorId);
  if (backup !== undefined) return backup.State.Running || at(current.Created) <= at(backup.State.FinishedAt);
  return successor === undefined || at(current.Created) <= at(successor.Created);
}
