// Finds namespace parents: the containers whose namespaces another container shares. The Engine knows them by id. If
// the owner recreates a parent (`docker compose up --force-recreate`) while its child is stopped, the child can never
// start again. The child is then recreated with the container that has the parent's name now.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { type Engine, findStoppedLink, ifExists, isLeftoverTask } from "../../../shared/docker/engine.ts";
import { primaryName, userGivenName } from "../../../shared/containers/swap-names.ts";
import { namespaceParents } from "../create/inspect.ts";
import { type SnapshotStore, type Snapshot, readSnapshot } from "../journal/snapshot-store.ts";

/** The ids or names that the container refers to its parents by → the parents' names; omits parents that are gone. */
export async function findParentNames(
  { docker }: Engine,
  container: ContainerInspection,
): Promise<Record<string, string>> {
  const names: Record<string, string> = {};
  for (const parent of namespaceParents(container)) {
    const inspect = await ifExists(docker.getContainer(parent).inspect());
    if (inspect !== undefined) names[parent] = inspect.Name.slice(1);
  }
  return names;
}

/** The parent may still appear: compose removes a container before it gives the name to the new one. */
export class ParentGone extends Error {
  override readonly name = "ParentGone";

  constructor(parent: string) {
    super(`${parent}, whose namespace it shares, is gone: create it again`);
  }
}

/**
 * For parents that are gone: old id → id of the container that has the name now. @throws ParentGone if there is none.
 */
export async function findRemadeParents(
  { docker }: Engine,
  { parents = {} }: Snapshot,
): Promise<Map<string, string>> {
  const inspect = (idOrName: string) => ifExists(docker.getContainer(idOrName).inspect());
  const found = new Map<string, string>();
  for (const [id, name] of Object.entries(parents)) {
    if ((await inspect(id)) !== undefined) continue;
    const now = await inspect(name);
    if (now === undefined) throw new ParentGone(name);
    found.set(id, now.Id);
  }
  return found;
}

interface StoppedContainer {
  readonly engine: Engine;
  readonly snapshotStore: SnapshotStore;
  readonly run: string;
  readonly name: string;
}

/** Can the Engine never start this container again? `failure`: the error of its start. @throws ParentGone */
export async function isUnstartable(
  { engine, snapshotStore, run, name }: StoppedContainer,
  failure: unknown,
): Promise<boolean> {
  if (failure === undefined) return false;
  if (isLeftoverTask(failure) || (await leadsToRemoved(engine, failure))) return true;
  const snapshot = await readSnapshot(snapshotStore, run, name);
  return snapshot !== undefined && (await findRemadeParents(engine, snapshot)).size > 0;
}

/**
 * A link stays bound to the removed container, even when another one takes its name. The Engine also lists a container
 * under the alias of each link that is bound to it.
 */
async function leadsToRemoved({ docker }: Engine, failure: unknown): Promise<boolean> {
  const link = findStoppedLink(failure);
  if (link === undefined) return false;
  const name = userGivenName(link.target.slice(1));
  const listed = await docker.listContainers({ all: true });
  const now = listed.find(({ Names }) => primaryName(Names) === name);
  return now?.State === "running" && !now.Names.includes(link.alias);
}
