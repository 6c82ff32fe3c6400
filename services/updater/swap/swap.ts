// The steps that replace a container, with their undo; swap-steps.ts has their order. The order is the design:
//   U1  No container is stopped before its successor exists and was checked.
//   U2  The old container is not removed before the new one is verified and the after_update hook agreed.
//   U3  Between "stop the old container" and "prove" no step waits for NATS.
//   U4  Names and inspect documents alone show which steps were done (swap-names.ts); a crash needs no journal.
// Engine API: ContainerCreate, -Stop, -Rename, -Update, -Start, -Delete.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { NOT_MODIFIED, NOT_FOUND, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { isSuccessorAdopted } from "./replacement.ts";
import { findCopiedFiles, findSurelyCopiedFiles } from "../containers/copied-files.ts";
import { copyPaths } from "../containers/copy-paths.ts";
import { takeName } from "./exchange-names.ts";
import { removeUnneededCopy, startIfThere } from "./remake-container.ts";
import { createOnImage } from "../containers/create-on-image.ts";
import { isUnstartable } from "./namespace-parents.ts";
import { isVerified } from "./swap-phase.ts";
import { wasRunningBefore } from "./swap-dependants.ts";
import { isFinishedJob, verifyContainer } from "./verify-container.ts";
import { removeContainer, renameContainer } from "../containers/rename-container.ts";
import type { Swap, SwapStep } from "./swap-state.ts";
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

const oldOf = ({ engine, old }: Swap) => engine.docker.getContainer(old.Id);
const successorOf = ({ engine, name, run, successor }: Swap) =>
  engine.docker.getContainer(successor ?? successorName(name, run));

export const create: SwapStep = {
  name: "create the successor",
  outlastsFailedUndo: true,
  isDone: ({ successor }) => successor !== "none",
  needsSuccessor: true,
  forDependant: "same",
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

function stopOld(swap: Swap): Promise<void> {
  const stopping = stopContainer({ ...swap, ...swap.verification }, swap.old);
  return swap.resumedSince === undefined
    ? expectNotRemoved(swap, stopping)
    : ignoreStatuses([NOT_FOUND], stopping);
}

/** @throws Error if the undo of `start` failed: the two must not run side by side. */
async function expectSuccessorStopped(swap: Swap, own: string): Promise<void> {
  const successor = await ifExists(successorOf(swap).inspect());
  if (!successor?.State.Running) return;
  if ((await ifExists(swap.engine.docker.getContainer(own).inspect())) !== undefined)
    throw new Error(`${swap.name} is not started while its successor runs`);
}

async function putBack(swap: Swap): Promise<void> {
  if (swap.isRemoved || swap.staysStopped) return;
  const own = swap.restored ?? swap.old.Id;
  const found = await leaveNameToOwner(swap);
  if (found !== undefined) return yieldToOwner(swap, found, own);
  await expectSuccessorStopped(swap, own);
  const isStarted = await startIfThere(swap, own).catch(async (error: unknown) => {
    if (await isUnstartable(swap, error)) return "never" as const;
    throw error;
  });
  if (isStarted === "never") await restoreOldContainer(swap, own);
  else if (isStarted) {
    await yieldAfterStart(swap, own);
    await removeUnneededCopy(swap);
  } else if (!(await areBothRemoved(swap))) await restoreOldContainer(swap);
}

export const stop: SwapStep = {
  name: "stop the old container",
  isDone: ({ isOwn }) => isOwn === true, // else an Engine that restarted may have started it again, by its restart policy
  do: stopOld,
  undo: async (swap) => {
    swap.isStillDown = true;
    await putBack(swap);
    swap.isStillDown = false;
  },
  // Without an undo: that of `lookForDependants` starts a dependant again.
  forDependant: {
    name: "stop the old container",
    isDone: ({ successor }) => successor === "named",
    do: stopOld,
  },
};

/** Without this, an Engine that restarts would start a stopped `always` container beside the new one. */
export const parkPolicy: SwapStep = {
  name: "park the old container's restart policy",
  isDone: () => false,
  forDependant: "same",
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

async function startSuccessor(swap: Swap): Promise<void> {
  await expectNoReplacement(swap);
  await ignoreStatuses([NOT_MODIFIED], successorOf(swap).start());
  await expectNoReplacement(swap).catch(async (error: unknown) => {
    await stopAgain(swap, await successorOf(swap).inspect());
    throw error;
  });
}

async function stopSuccessor(swap: Swap): Promise<void> {
  await leaveNameToOwner(swap);
  const inspect = await ifExists(successorOf(swap).inspect());
  if (inspect?.State.Running && !isTakenByOwner(swap, inspect)) await stopAgain(swap, inspect);
}

export const start: SwapStep = {
  name: "start the successor",
  isDone: ({ isOwn }) => isOwn === true,
  needsSuccessor: true,
  do: startSuccessor,
  undo: stopSuccessor,
  forDependant: {
    name: "start the successor",
    isDone: () => false,
    do: async (swap) => {
      if (!wasRunningBefore(swap)) return;
      await start.do(swap);
      const inspect = await successorOf(swap).inspect();
      const { State } = inspect;
      if (!State.Running && !(await isFinishedJob(swap.engine, inspect)))
        throw new Error(`${swap.name} exited with code ${State.ExitCode} after it was recreated`);
    },
    undo: stopSuccessor,
  },
};

export const verifySuccessor: SwapStep = {
  name: "prove the successor",
  isDone: isVerified,
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
