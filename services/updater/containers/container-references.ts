// Which containers refer to which. What a container refers to is fixed when it is created, so each is inspected once in
// its life; a host of a hundred containers then costs one listing for each look. Only links are told by the name that
// their target bears now, so who links is inspected each time.
import { factsOf } from "../../../shared/containers/container-facts.ts";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { inParallel } from "../../../shared/in-parallel.ts";

const AT_A_TIME = 8;

export class ContainerReferences {
  readonly #known = new Map<string, readonly string[]>();
  #looking: Promise<unknown> = Promise.resolve();

  /** Ids of all containers, with the ids and names that each refers to. */
  async list(engine: Engine): Promise<ReadonlyMap<string, readonly string[]>> {
    const look = this.#looking.then(() => this.#look(engine));
    this.#looking = look.catch(() => undefined);
    return look;
  }

  async #look({ docker }: Engine): Promise<ReadonlyMap<string, readonly string[]>> {
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
