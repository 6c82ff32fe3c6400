// Recreates a container that is gone from its snapshot, and starts one that exists, also if a prune removed its
// networks.
//   N1  The container is created under its backup name, which tells a later process to run it (recover-host.ts, R3).
//       Then it gets its real name.
//   N2  The Engine may keep a name occupied if the container was renamed during its removal. Then the new container
//       runs under its backup name: a container with the wrong name beats none.
//   N3  An Engine that was killed may have left a task of a container, and can then never start that container again.
//       The same holds for a container whose namespace parent the owner recreated (namespace-parents.ts). A copy is
//       created first, under the backup name, then the container that cannot start is removed. While the snapshot
//       still names that container, a later process begins again (find-swaps.ts: F4).
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
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
import { type SnapshotStore, readSnapshot } from "../journal/snapshot-store.ts";
import { createOnImage } from "../containers/create-on-image.ts";
import type { Semaphore } from "../semaphore.ts";
import { findRemadeParents } from "./namespace-parents.ts";
import { removeContainer, renameContainer } from "../containers/rename-container.ts";
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
  readonly old: ContainerInspection;
  readonly oldImage: ImageInspection;
  /** Containers recreated in this run: old id → new id. */
  readonly replaced: ReadonlyMap<string, string>;
  readonly tagSemaphore: Semaphore;
  /** Pulls an image by its digest, which is the reference's tag here. */
  readonly fetchImage: (wanted: { ref: ImageRef; platform: string | undefined }) => Promise<void>;
}

/**
 * N1. Needs the image on the Engine. `insteadOf`: the id of a container that cannot be started (N3). Resolves with
 * the new id. @throws Error if the Engine refuses the container.
 */
export async function remakeContainer(context: RemakeContext, insteadOf?: string): Promise<string> {
  const { engine, snapshotStore, run, name, old, oldImage } = context;
  const snapshot = await readSnapshot(snapshotStore, run, name);
  if (snapshot !== undefined) await restoreNetworks(engine, snapshot);
  const backup = backupName(name, run);
  const parents = snapshot === undefined ? [] : await findRemadeParents(engine, snapshot);
  const replaced = new Map([...parents, ...context.replaced].filter(([id]) => id !== old.Id));
  const make = () => makeSuccessor({ ...context, newImage: oldImage, replaced, name: backup });
  const made = await ifExists(engine.docker.getContainer(backup).inspect()); // from a try that failed later
  const id = made?.Id ?? (await createOnImage(context, oldImage.Id, make));
  if (insteadOf !== undefined) await removeContainer(context, insteadOf, { v: false });
  await moveSnapshot(snapshotStore, context, id);
  await renameContainer(engine, id, name).catch((error: unknown) => runUnnamed(context, id, error));
  return id;
}

/** N3. The Engine could start the container after all, so the copy that an earlier try created is not needed. */
export async function removeUnneededCopy(
  context: Pick<RemakeContext, "engine" | "clock" | "run" | "name">,
): Promise<void> {
  const { engine, run, name } = context;
  const copy = await ifExists(engine.docker.getContainer(backupName(name, run)).inspect());
  if (copy?.State.Status === "created") await removeContainer(context, copy.Id, { v: false });
}

/** A container that somebody is creating has its name already, but inspect does not show it yet. */
const SEEN_WITHIN_MS = 5000;
const LOOK_EVERY_MS = 100;

/** N2. @throws Error always: the container does not have its name. */
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

/** Resolves with false if the container does not exist, or is removed meanwhile. */
export async function startIfThere(context: Starting, id: string): Promise<boolean> {
  try {
    await startOrReattach(context, id);
    return true;
  } catch (error) {
    if (statusOf(error) === NOT_FOUND && (await isContainerGone(context, id))) return false;
    throw error;
  }
}

async function startOrReattach(context: Starting, id: string): Promise<void> {
  const container = context.engine.docker.getContainer(id);
  try {
    await awaitPendingStop(context, await container.inspect());
    await ignoreStatuses([NOT_MODIFIED], container.start());
  } catch (error) {
    if ((await ifExists(container.inspect())) === undefined || !(await reattachNetworks(context, id)))
      throw error;
    await ignoreStatuses([NOT_MODIFIED], container.start());
  }
}

/** Resolves with whether networks of the container were gone and exist again. */
export async function reattachNetworks(
  { engine, snapshotStore, run, name }: Omit<Starting, "clock">,
  id: string,
): Promise<boolean> {
  const snapshot = await readSnapshot(snapshotStore, run, name);
  if (snapshot === undefined) return false;
  await restoreNetworks(engine, snapshot);
  return attachToRemadeNetworks(engine, id, snapshot);
}
