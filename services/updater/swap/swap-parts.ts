// What an Engine holds of swaps that are not over, told by names alone.
import type { ContainerInspectInfo } from "dockerode";
import { type Engine, ifThere } from "../../../shared/engine.ts";
import { parseSwapName } from "./swap-names.ts";

export interface SwapParts {
  readonly name: string;
  readonly run: string;
  readonly current: ContainerInspectInfo | undefined;
  readonly successor: ContainerInspectInfo | undefined;
  readonly backup: ContainerInspectInfo | undefined;
}

/** A container that others link to is listed under their names for it too: `/linker/alias`. */
const ownName = (names: readonly string[]): string =>
  (names.find((name) => name.lastIndexOf("/") === 0) ?? "").slice(1);

export async function findParts(engine: Engine): Promise<SwapParts[]> {
  const listed = await engine.docker.listContainers({ all: true });
  const named = listed.map(({ Names, Id }) => ({ id: Id, name: ownName(Names) }));
  const swaps = named.map(({ name }) => parseSwapName(name)).filter((swap) => swap !== undefined);
  const inspect = async (name: string | undefined) =>
    name === undefined ? undefined : ifThere(engine.docker.getContainer(name).inspect());
  return Promise.all(
    [...new Map(swaps.map(({ name, run }) => [`${name} ${run}`, { name, run }])).values()].map(
      async ({ name, run }) => {
        const bearing = (part: string): string | undefined =>
          named.find((one) => {
            const swap = parseSwapName(one.name);
            return swap?.name === name && swap.run === run && swap.part === part;
          })?.id;
        return {
          name,
          run,
          current: await inspect(named.find((one) => one.name === name)?.id),
          successor: await inspect(bearing("successor")),
          backup: await inspect(bearing("backup")),
        };
      },
    ),
  );
}
