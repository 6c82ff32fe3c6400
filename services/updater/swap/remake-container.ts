// A container that is gone is made anew from what is known of it, and one that is there is started again, also where a prune
// took its networks.
//   N1  It is made under its backup name, which tells a later process that it is to run (recover-host.ts, R3), and then named.
//   N2  An Engine may keep a name for a container that was renamed while it was removed. Then it runs under its backup name: one
//       that has the wrong name beats none.
//   N3  An Engine that was killed may have left a task of a container, and starts that one no more; nor one whose namespace
//       parent its owner made anew (namespace-parents.ts). Another one like it is made first, under its backup name, then the one that
//       cannot be started goes. While its snapshot names that one, a later process begins again (find-swaps.ts: F4).
import type { Clock } from "../../../shared/clock.ts";
import {
  NOT_MODIFIED,
  CONFLICT,
  type Engine,
  NOT_FOUND,
  ifExists,
  statusOf,
  ignoreStatuses,
} from "../../../shared/docker/engine.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { type SnapshotStore, readSnapshot } from "../journal/snapshot-store.ts";
import { createOnImage } from "../containers/create-on-image.ts";
import type { Semaphore } from "../semaphore.ts";
import { findRemadeParents } from "./namespace-parents.ts";
import { removeContainer } from "../containers/rename-container.ts";
import { attachToRemadeNetworks, moveSnapshot, restoreNetworks } from "./take-snapshot.ts";
import { isContainerGone } from "../containers/start-stopped.ts";
import { awaitPendingStop } from "../containers/stop-container.ts";
import { makeSuccessor } from "./make-successor.ts";
import { backupName } from "../../../shared/containers/swap-names.ts";

export interface RemakeContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly snapshotStore: SnapshotStore;
  readonly run: string;
  readonly name: string;
  readonly old: ContainerDocument;
  readonly oldImage: ImageDocument;
  /** Containers recreated in this run: old id → new id. */
  readonly replaced: ReadonlyMap<string, string>;
  readonly tagSemaphore: Semaphore;
  /** Pulls an image by its digest, which is the reference's tag here. */
  readonly fetchImage: (wanted: { ref: ImageRef; platform: string | undefined }) => Promise<void>;
}

/** N1; its image is there. `insteadOf`: the id of one that cannot be started, N3. Resolves with the id. @throws what the Engine refuses. */
export async function remakeContainer(it: RemakeContext, insteadOf?: string): Promise<string> {
  const { engine, snapshotStore, run, name, old, oldImage } = it;
  const snapshot = await readSnapshot(snapshotStore, run, name);
  if (snapshot !== undefined) await restoreNetworks(engine, snapshot);
  const backup = backupName(name, run);
  const parents = snapshot === undefined ? [] : await findRemadeParents(engine, snapshot);
  const replaced = new Map([...parents, ...it.replaced].filter(([id]) => id !== old.Id));
  const make = () => makeSuccessor({ ...it, newImage: oldImage, replaced, name: backup });
  const made = await ifExists(engine.docker.getContainer(backup).inspect()); // by a try that failed after this
  const id = made?.Id ?? (await createOnImage(it, oldImage.Id, make));
  if (insteadOf !== undefined) await removeContainer(it, insteadOf, { v: false });
  await moveSnapshot(snapshotStore, it, id);
  await engine.docker
    .getContainer(id)
    .rename({ name })
    .catch((error: unknown) => runUnnamed(it, id, error));
  return id;
}

/** A container that somebody is creating has its name already, and is not seen yet. */
const SEEN_WITHIN_MS = 5000;
const LOOK_EVERY_MS = 100;

/** N2. @throws always: its name is missing. */
async function runUnnamed(
  { engine, clock, name }: RemakeContext,
  id: string,
  error: unknown,
): Promise<never> {
  const { docker } = engine;
  if (statusOf(error) !== CONFLICT) throw error;
  for (let waited = 0; waited < SEEN_WITHIN_MS; waited += LOOK_EVERY_MS) {
    if ((await ifExists(docker.getContainer(name).inspect())) !== undefined) throw error;
    await clock.sleep(LOOK_EVERY_MS);
  }
  await ignoreStatuses([NOT_MODIFIED], docker.getContainer(id).start());
  const because = `the Engine keeps the name ${name} for a container that is gone, so ${id.slice(0, 12)} runs under another one until the Engine is started again`;
  throw new Error(because, { cause: error });
}

type Starting = Pick<RemakeContext, "engine" | "clock" | "snapshotStore" | "run" | "name">;

/** Resolves with false where there is no such container, or it goes meanwhile. */
export async function startIfThere(it: Starting, id: string): Promise<boolean> {
  try {
    await startOrReattach(it, id);
    return true;
  } catch (error) {
    if (statusOf(error) === NOT_FOUND && (await isContainerGone(it, id))) return false;
    throw error;
  }
}

async function startOrReattach(it: Starting, id: string): Promise<void> {
  const container = it.engine.docker.getContainer(id);
  try {
    await awaitPendingStop(it, await container.inspect());
    await ignoreStatuses([NOT_MODIFIED], container.start());
  } catch (error) {
    if ((await ifExists(container.inspect())) === undefined || !(await reattachNetworks(it, id))) throw error;
    await ignoreStatuses([NOT_MODIFIED], container.start());
  }
}

/** Resolves with whether networks of it were gone, and are there again. */
export async function reattachNetworks(
  { engine, snapshotStore, run, name }: Omit<Starting, "clock">,
  id: string,
): Promise<boolean> {
  const snapshot = await readSnapshot(snapshotStore, run, name);
  if (snapshot === undefined) return false;
  await restoreNetworks(engine, snapshot);
  return attachToRemadeNetworks(engine, id, snapshot);
}
