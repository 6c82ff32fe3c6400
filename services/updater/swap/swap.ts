// The steps that replace a container, with their undo; swap-steps.ts has their order. The order is the design:
//   U1  No container is stopped before its successor exists and was checked.
//   U2  The old container is not removed before the new one is verified and the after_update hook agreed.
//   U3  Between "stop the old container" and "prove" no step waits for NATS.
//   U4  Names and inspect documents alone show which steps were done (swap-names.ts); a crash needs no journal.
// Engine API: ContainerCreate, -Stop, -Rename, -Update, -Start, -Delete.
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import type { Clock } from "../../../shared/clock.ts";
import {
  NOT_MODIFIED,
  type Engine,
  NOT_FOUND,
  ifExists,
  ignoreStatuses,
} from "../../../shared/docker/engine.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import type { SnapshotStore, Snapshot } from "../journal/snapshot-store.ts";
import { type Replacement, isSuccessorAdopted } from "./replacement.ts";
import { findCopiedFiles, findSurelyCopiedFiles } from "../containers/copied-files.ts";
import { copyPaths } from "../containers/copy-paths.ts";
import { takeName } from "./exchange-names.ts";
import { startIfThere } from "./remake-container.ts";
import { createOnImage } from "../containers/create-on-image.ts";
import type { Semaphore } from "../semaphore.ts";
import { isUnstartable } from "./namespace-parents.ts";
import { type VerificationOptions, verifyContainer } from "./verify-container.ts";
import { removeContainer, renameContainer } from "../containers/rename-container.ts";
import type { Step, StepObserver } from "./saga.ts";
import type { ContainerReferences } from "../containers/container-references.ts";
import { takeSnapshot } from "./take-snapshot.ts";
import { stopContainer } from "../containers/stop-container.ts";
import { makeSuccessor } from "./make-successor.ts";
import { backupName, successorName } from "../../../shared/containers/swap-names.ts";
import { fetchOldImage, remakeOldContainer, runSuccessorInstead } from "./rollback-resources.ts";
import {
  expectNoReplacement,
  areBothRemoved,
  isTakenByOwner,
  leaveNameToOwner,
  expectNotRemoved,
  stopAgain,
  yieldAfterStart,
  yieldToOwner,
} from "./yield-to-owner.ts";

export interface Swap {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Where snapshots are kept. */
  readonly snapshotStore: SnapshotStore;
  /** The snapshots that an earlier process of the run took. */
  readonly snapshots?: readonly Snapshot[];
  /** The name of the container in whose transaction this one is recreated. */
  readonly parent?: string;
  readonly run: string;
  /** The name its user gave it. */
  readonly name: string;
  readonly old: ContainerInspection;
  readonly oldImage: ImageInspection;
  readonly newImage: ImageInspection;
  /** The image reference of the new container, if it differs from the old one's (LATEST_ONLY). */
  readonly reference?: string;
  readonly verification: Omit<VerificationOptions, "engine" | "clock">;
  /** How to verify a container that is recreated with this one. */
  readonly verificationFor: (
    old: ContainerInspection,
    image: ImageInspection,
  ) => Omit<VerificationOptions, "engine" | "clock">;
  /** The updates in the same transaction, by name, of containers that refer to this one. */
  readonly linkedSwaps: ReadonlyMap<string, LinkedSwap>;
  /** Pulls an image that a prune removed, by its digest, which is the reference's tag here. */
  readonly fetchImage: (wanted: { ref: ImageRef; platform: string | undefined }) => Promise<void>;
  /** Observes the steps of a dependant that is updated with its parent. */
  readonly watching?: StepObserver;
  /** Containers recreated in this transaction: old id → new id. Each step adds the containers that it makes. */
  readonly replaced: Map<string, string>;
  /** Lets one create call at a time move a tag. */
  readonly tagSemaphore: Semaphore;
  readonly references: ContainerReferences;
  /** Ids of containers that ran before the run stopped anything. */
  readonly ran: ReadonlySet<string>;
  /**
   * RFC 3339, set if an earlier process began the swap. A container that stopped since then was stopped for the swap.
   */
  readonly resumedSince?: string;
  /** The hooks around the recreation of a dependant that is a hard dependency. */
  readonly hardHooks?: HardDependencyHooks | undefined;
  /** Runs before the first stop: takes the swap slot, checks the fence, writes the journal. */
  readonly beforeStop: (successor: string) => Promise<void>;
  /** The new container's id, once it is made. */
  successor: string | undefined;
  /** The id of the recreated old container, if somebody had removed it. */
  restored?: string;
  /** The old container cannot be recreated: the successor runs in its place, or nothing does. */
  lost?: "replaced" | "gone" | undefined;
  /** The container that the owner put in its place; this and the next three are explained in yield-to-owner.ts. */
  replacement?: Replacement | undefined;
  kept?: string;
  hasLeftName?: boolean;
  isRemoved?: boolean;
  /** A part of Ouroboros itself. */
  readonly isOwn?: true;
  /** Swaps of the containers that refer to this one, parents before children. */
  dependants: Swap[];
}

/** What turns the recreation of a dependant into its update. */
export type LinkedSwap = Pick<Swap, "newImage" | "reference" | "watching">;
export const NO_LINKED_SWAPS: Swap["linkedSwaps"] = new Map();

/** False for a dependant that is recreated on its current image. */
export const isUpdated = ({ oldImage, newImage }: Pick<Swap, "oldImage" | "newImage">): boolean =>
  oldImage.Id !== newImage.Id;

export interface HardDependencyHooks {
  readonly isHard: (id: string) => boolean;
  readonly before: (old: ContainerInspection) => Promise<void>;
  readonly after: (old: ContainerInspection, successor: string) => Promise<void>;
}

export type SwapStep = Step<Swap>;

const oldOf = ({ engine, old }: Swap) => engine.docker.getContainer(old.Id);
const successorOf = ({ engine, name, run, successor }: Swap) =>
  engine.docker.getContainer(successor ?? successorName(name, run));

export const create: SwapStep = {
  name: "create the successor",
  isCrashMarker: true,
  do: async (swap) => {
    const { name, run, ...rest } = swap;
    const old = withReference(swap);
    const files = await findCopiedFiles(swap.engine, swap.old);
    const make = () => makeSuccessor({ ...rest, old, name: successorName(name, run) });
    const role = swap.parent === undefined ? "updated" : "dependant";
    await takeSnapshot(swap, role); // before the successor exists: recovery knows the old container by its id
    swap.successor = await createOnImage({ ...swap, old }, swap.newImage.Id, make);
    swap.replaced.set(swap.old.Id, swap.successor);
    await copyPaths(swap.engine, { from: swap.old.Id, to: swap.successor, paths: files });
    await takeSnapshot(swap, role);
    await swap.beforeStop(swap.successor);
  },
  // Removes the volumes that only the new image declares; the volumes it took over are bound by name and stay.
  undo: async (swap) => {
    const inspect = await ifExists(successorOf(swap).inspect());
    if (inspect !== undefined && isTakenByOwner(swap, inspect)) return;
    const { id } = successorOf(swap);
    if (await isSuccessorAdopted(swap, id)) return renameContainer(swap.engine, id, swap.name);
    await removeContainer(swap, id, { v: true });
    if (swap.restored === undefined) swap.replaced.delete(swap.old.Id);
  },
};

const withReference = ({ old, reference = old.Config.Image }: Swap): ContainerInspection => ({
  ...old,
  Config: { ...old.Config, Image: reference },
});

const stopOld = (swap: Swap): Promise<void> => stopContainer({ ...swap, ...swap.verification }, swap.old);

export const stop: SwapStep = {
  name: "stop the old container",
  do: (swap) =>
    swap.resumedSince === undefined
      ? expectNotRemoved(swap, stopOld(swap))
      : ignoreStatuses([NOT_FOUND], stopOld(swap)),
  undo: async (swap) => {
    if (swap.isRemoved === true) return;
    const own = swap.restored ?? swap.old.Id;
    const found = await leaveNameToOwner(swap);
    if (found !== undefined) return yieldToOwner(swap, found, own);
    const isStarted = await startIfThere(swap, own).catch(async (error: unknown) => {
      if (await isUnstartable(swap, error)) return "never" as const;
      throw error;
    });
    if (isStarted === "never") await restoreOldContainer(swap, own);
    else if (isStarted) await yieldAfterStart(swap, own);
    else if (!(await areBothRemoved(swap))) await restoreOldContainer(swap);
  },
};

/** Without this, an Engine that restarts would start a stopped `always` container beside the new one. */
export const parkPolicy: SwapStep = {
  name: "park the old container's restart policy",
  do: async (swap) => {
    // podman has no such call, and restarts nothing by itself
    if (restartsByItself(swap.old))
      await ignoreStatuses([NOT_FOUND], oldOf(swap).update({ RestartPolicy: { Name: "no" } }));
  },
  undo: async (swap) => {
    const RestartPolicy = policyOf(swap.old);
    if (RestartPolicy.Name !== "no") await ignoreStatuses([NOT_FOUND], oldOf(swap).update({ RestartPolicy }));
  },
};

export const start: SwapStep = {
  name: "start the successor",
  do: async (swap) => {
    await expectNoReplacement(swap);
    await ignoreStatuses([NOT_MODIFIED], successorOf(swap).start());
    await expectNoReplacement(swap).catch(async (error: unknown) => {
      await stopAgain(swap, await successorOf(swap).inspect());
      throw error;
    });
  },
  undo: async (swap) => {
    await leaveNameToOwner(swap);
    const inspect = await ifExists(successorOf(swap).inspect());
    if (inspect?.State.Running && !isTakenByOwner(swap, inspect)) await stopAgain(swap, inspect);
  },
};

export const verifySuccessor: SwapStep = {
  name: "prove the successor",
  do: (swap) =>
    verifyContainer(successorOf(swap).id, { ...swap.verification, engine: swap.engine, clock: swap.clock }),
};

/** The container is down from the first of these steps to the last. */
export const DOWNTIME_STEPS = { from: stop.name, to: start.name } as const;

/** U2: only after the verdict. The volumes stay. */
export const removeBackup = (swap: Pick<Swap, "engine" | "clock" | "old">): Promise<void> =>
  removeContainer(swap, swap.old.Id, { v: false });

const restartsByItself = (container: ContainerInspection): boolean =>
  ["always", "on-failure"].includes(container.HostConfig.RestartPolicy?.Name ?? "");

const policyOf = ({ HostConfig: { RestartPolicy } }: ContainerInspection) =>
  RestartPolicy?.Name ? RestartPolicy : { Name: "no" };

const MAX_TRIES_TO_RESTORE = 5;

/**
 * Recreates the old container, which was removed meanwhile, or which is `insteadOf` and cannot be started. Containers
 * that refer to it by its id are then recreated too.
 * @throws Error if it cannot be recreated; until then the successor runs in its place.
 */
export async function restoreOldContainer(swap: Swap, insteadOf?: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    await fetchOldImage(swap).catch(async (error: unknown) => {
      swap.lost = (await runSuccessorInstead(swap)) ? "replaced" : "gone";
      throw error;
    });
    swap.lost = undefined;
    await start.undo?.(swap);
    await takeName.undo?.(swap); // the successor may have run in its place
    try {
      swap.restored = await remakeOldContainer(swap, insteadOf);
    } catch (error) {
      if (await yieldAfterStart(swap, backupName(swap.name, swap.run))) return;
      throw error;
    }
    swap.replaced.set(swap.old.Id, swap.restored);
    await copyFilesBack(swap, swap.restored);
    if (await startIfThere(swap, swap.restored)) {
      await yieldAfterStart(swap, swap.restored);
      return;
    }
    if (tries === MAX_TRIES_TO_RESTORE)
      throw new Error(`it was removed ${tries} times before it could start`);
  }
}

/** The successor has the files that were copied into the old container. */
async function copyFilesBack(swap: Swap, to: string): Promise<void> {
  const { engine } = swap;
  const successor = await ifExists(successorOf(swap).inspect());
  if (successor === undefined) return;
  const paths = await findSurelyCopiedFiles(engine, successor);
  await copyPaths(engine, { from: successor.Id, to, paths });
}
