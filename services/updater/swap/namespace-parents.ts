// Containers whose namespaces another one shares. The Engine knows them by id: where their owner makes one anew
// (`docker compose up --force-recreate`) while what shares its namespaces is stopped, that one cannot be started any more. It is
// made anew then, with what bears the name now.
import { type Engine, ifExists, isLeftoverTask } from "../../../shared/docker/engine.ts";
import { type ContainerDocument, namespaceParents } from "../create/inspect.ts";
import { type SnapshotStore, type Snapshot, readSnapshot } from "../journal/snapshot-store.ts";

/** What it refers to them by → their names; without those that are gone. */
export async function findParentNames(
  { docker }: Engine,
  it: ContainerDocument,
): Promise<Record<string, string>> {
  const names: Record<string, string> = {};
  for (const parent of namespaceParents(it)) {
    const inspect = await ifExists(docker.getContainer(parent).inspect());
    if (inspect !== undefined) names[parent] = inspect.Name.slice(1);
  }
  return names;
}

/** It may come: compose removes a container before it gives its name to the new one. */
export class ParentGone extends Error {
  override readonly name = "ParentGone";

  constructor(parent: string) {
    super(`${parent}, whose namespace it shares, is gone: create it again`);
  }
}

/** Old id → id of what bears the name now, of those that are gone. @throws ParentGone where nothing bears it */
export async function findRemadeParents(
  { docker }: Engine,
  { parents = {} }: Snapshot,
): Promise<Map<string, string>> {
  const inspect = (one: string) => ifExists(docker.getContainer(one).inspect());
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

/** `failure` is how its start failed: will the Engine never start it again, so that another one has to be made? @throws ParentGone */
export async function isUnstartable(
  { engine, snapshotStore, run, name }: StoppedContainer,
  failure: unknown,
): Promise<boolean> {
  if (failure === undefined) return false;
  if (isLeftoverTask(failure)) return true;
  const snapshot = await readSnapshot(snapshotStore, run, name);
  return snapshot !== undefined && (await findRemadeParents(engine, snapshot)).size > 0;
}
