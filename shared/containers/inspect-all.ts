// Every container of an Engine, each looked at. One that the Engine cannot show, though asked twice, hides no other.
import type { ContainerInspectInfo } from "dockerode";
import { factsOf } from "./container-facts.ts";
import { describeContainer } from "./payloads-from-engine.ts";
import { type Engine, ifExists } from "../docker/engine.ts";
import { explain } from "../errors.ts";
import { inParallel } from "../in-parallel.ts";

export interface UninspectableContainer {
  readonly name: string;
  readonly because: string;
}

const CONCURRENCY = { all: 8 };

/** @throws what dockerode throws where the Engine does not answer. */
export async function inspectAllContainers(
  { docker }: Pick<Engine, "docker">,
  abortSignal?: AbortSignal,
): Promise<{
  readonly there: readonly ContainerInspectInfo[];
  readonly unseen: readonly UninspectableContainer[];
}> {
  const signal = abortSignal === undefined ? {} : { abortSignal };
  const listed = await docker.listContainers({ all: true, ...signal });
  const there: ContainerInspectInfo[] = [];
  const unseen: UninspectableContainer[] = [];
  const looks = await inParallel(listed, CONCURRENCY, async ({ Id, Names }) => {
    const look = async (): Promise<ContainerInspectInfo | undefined> => {
      const inspect = await ifExists(docker.getContainer(Id).inspect(signal));
      if (inspect !== undefined) {
        factsOf(inspect); // what cannot be read throws here
        describeContainer(inspect);
      }
      return inspect;
    };
    const wrong = (error: unknown): UninspectableContainer => ({
      name: (Names[0] ?? Id).replace(/^\//, ""),
      because: explain(error),
    });
    return look().catch(look).catch(wrong);
  });
  for (const look of looks)
    if (look !== undefined && "because" in look) unseen.push(look);
    else if (look !== undefined) there.push(look);
  if (unseen.length > 0) await docker.listContainers({ limit: 1, ...signal }); // or is it the Engine?
  return { there, unseen };
}
