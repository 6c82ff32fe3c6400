// Lists which containers refer to which. A container's references are fixed when it is created, so each container is
// inspected only once; a host with a hundred containers then costs one listing per call. Links are the exception:
// inspect shows the name that their target has now, so containers with links are inspected each time.
import { factsOf } from "../../../shared/containers/container-facts.ts";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { inParallel } from "../../../shared/in-parallel.ts";

const AT_A_TIME = 8;

export class ContainerReferences {
  readonly #known = new Map<string, readonly string[]>();
  #pending: Promise<unknown> = Promise.resolve();

  /** Ids of all containers, with the ids and names that each refers to. */
  async list(engine: Engine): Promise<ReadonlyMap<string, readonly string[]>> {
    const references = this.#pending.then(() => this.#inspectUnknown(engine));
    this.#pending = references.catch(() => undefined);
    return references;
  }

  async #inspectUnknown({ docker }: Engine): Promise<ReadonlyMap<string, readonly string[]>> {
    const listed = (await docker.listContainers({ all: true })).map(({ Id }) => Id);
    for (const id of this.#known.keys()) if (!listed.includes(id)) this.#known.delete(id);
    const found = new Map(this.#known);
    const unknown = listed.filter((id) => !found.has(id));
    await inParallel(unknown, { all: AT_A_TIME }, async (id) => {
      const inspect = await ifExists(docker.getContainer(id).inspect());
      if (inspect === undefined) return;
      const { refersTo } = factsOf(inspect);
      found.set(id, refersTo);
      const links = (inspect.HostConfig.Links as readonly string[] | null | undefined) ?? [];
      if (links.length === 0) this.#known.set(id, refersTo);
    });
    return found;
  }
}
