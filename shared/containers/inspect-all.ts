// Inspects every container of an Engine. A container that the Engine cannot show, even at a second try, hides no
// other.
import { factsOf } from "./container-facts.ts";
import { describeContainer } from "./payloads-from-engine.ts";
import { type Engine, ifExists } from "../docker/engine.ts";
import type { ContainerInspection } from "../docker/inspect-documents.ts";
import { explain } from "../errors.ts";
import { inParallel } from "../in-parallel.ts";

export interface UninspectableContainer {
  readonly name: string;
  readonly because: string;
}

const CONCURRENCY = { all: 8 };

/** @throws dockerode's error where the Engine does not answer. */
export async function inspectAllContainers(
  { docker }: Pick<Engine, "docker">,
  abortSignal?: AbortSignal,
): Promise<{
  readonly there: readonly ContainerInspection[];
  readonly unseen: readonly UninspectableContainer[];
}> {
  const signal = abortSignal === undefined ? {} : { abortSignal };
  const listed = await docker.listContainers({ all: true, ...signal });
  const there: ContainerInspection[] = [];
  const unseen: UninspectableContainer[] = [];
  const results = await inParallel(listed, CONCURRENCY, async ({ Id, Names }) => {
    const inspectOne = async (): Promise<ContainerInspection | undefined> => {
      const inspect = await ifExists(docker.getContainer(Id).inspect(signal));
      if (inspect !== undefined) {
        factsOf(inspect); // throws here, rather than later, where the document cannot be read
        describeContainer(inspect);
      }
      return inspect;
    };
    const asUninspectable = (error: unknown): UninspectableContainer => ({
      name: (Names[0] ?? Id).replace(/^\//, ""),
      because: explain(error),
    });
    return inspectOne().catch(inspectOne).catch(asUninspectable);
  });
  for (const result of results)
    if (result !== undefined && "because" in result) unseen.push(result);
    else if (result !== undefined) there.push(result);
  // throws where it is the Engine that fails
  if (unseen.length > 0) await docker.listContainers({ limit: 1, ...signal });
  return { there, unseen };
}
