// How a container is replaced. The order is the design:
//   U1  Nothing is stopped before its successor exists and was checked.
//   U2  The old container is not removed before the new one has proved itself and after_update agreed.
//   U3  Between "stop the old container" and "prove" nothing waits for NATS.
//   U4  Names and inspect documents alone tell which steps were done (swap-names.ts); a crash needs no journal.
// Engine API: ContainerCreate, -Stop, -Rename, -Update, -Start, -Delete.
import type { Clock } from "../../../shared/clock.ts";
import { ALREADY_SO, type Engine, GONE, ifThere, tolerating } from "../../../shared/engine.ts";
import type { ImageRef } from "../../../shared/image-ref.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import type { Shelf, Snapshot } from "../journal/snapshots.ts";
import { type Replacement, isAdopted } from "./adopted.ts";
import { copiedInto, surelyCopiedInto } from "./copied-files.ts";
import { copyPaths } from "./copy-paths.ts";
import { takeName } from "./exchange-names.ts";
import { startIfThere } from "./make-anew.ts";
import { onImage } from "./on-image.ts";
import type { Semaphore } from "./places.ts";
import { startsNoMore } from "./parents.ts";
import { type Proof, prove } from "./prove.ts";
import { remove, rename } from "./rename.ts";
import type { Step, Watching } from "./saga.ts";
import type { References } from "./references.ts";
import { takeSnapshot } from "./snapshot.ts";
import { stopContainer } from "./stop-container.ts";
import { makeSuccessor } from "./successor.ts";
import { backupName, successorName } from "../../../shared/swap-names.ts";
import { fetchOldImage, makeOldAnew, runSuccessorInstead } from "./way-back.ts";
import {
  expectNoReplacement,
  isRemovedWhole,
  isTaken,
  leaveName,
  orRemoved,
  stopAgain,
  yieldAfterStart,
  yieldTo,
} from "./yield.ts";

export interface Swap {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Where snapshots are kept. */
  readonly shelf: Shelf;
  /** What an earlier process of the run knew. */
  readonly snapshots?: readonly Snapshot[];
  /** The container in whose transaction it is recreated. */
  readonly parent?: string;
  readonly run: string;
  /** The name its user gave it. */
  readonly name: string;
  readonly old: ContainerDocument;
  readonly oldImage: ImageDocument;
  readonly newImage: ImageDocument;
  /** What the new container is made of by name, where that is not the old one's (LATEST_ONLY). */
  readonly reference?: string;
  readonly proof: Omit<Proof, "engine" | "clock">;
  /** How a container that is recreated with it has to prove itself. */
  readonly proofFor: (old: ContainerDocument, image: ImageDocument) => Omit<Proof, "engine" | "clock">;
  /** What is updated in the same transaction, by name: containers that refer to it. */
  readonly along: ReadonlyMap<string, Along>;
  /** Pulls an image by its digest, which is the reference's tag here: one that a prune took. */
  readonly fetchImage: (wanted: { ref: ImageRef; platform: string | undefined }) => Promise<void>;
  /** Hears of its steps, where it goes along with another. */
  readonly watching?: Watching;
  /** Containers recreated in this transaction: old id → new id. Filled as they are made. */
  readonly replaced: Map<string, string>;
  /** Creating by a tag that is moved for a moment: one at a time. */
  readonly making: Semaphore;
  readonly references: References;
  /** Ids of containers that ran before the run stopped anything. */
  readonly ran: ReadonlySet<string>;
  /** RFC 3339; where an earlier process began: what stopped since then was stopped for this. */
  readonly resumedSince?: string;
  /** Around the recreation of a dependant that is a hard dependency: its hooks. */
  readonly hardHooks?: HardHooks | undefined;
  /** Before the first thing that hurts: takes the swap place, checks the fence, writes the journal. */
  readonly beforeStop: (successor: string) => Promise<void>;
  /** The new container's id, once it is made. */
  successor: string | undefined;
  /** The old container made again, where somebody had removed it. */
  restored?: string;
  /** It cannot be made again: the successor runs in its place, or nothing does. */
  lost?: "replaced" | "gone" | undefined;
  /** What its owner put in its place, and what became of that (yield.ts). */
  replacement?: Replacement | undefined;
  kept?: string;
  hasLeftName?: boolean;
  isRemoved?: boolean;
  /** A part of Ouroboros itself. */
  readonly isOwn?: true;
  /** Swaps of the containers that refer to this one, parents before children. */
  dependants: Swap[];
}

/** What makes the recreation of a dependant its update. */
export type Along = Pick<Swap, "newImage" | "reference" | "watching">;
export const NONE_ALONG: Swap["along"] = new Map();

/** A dependant that is recreated on the image it has is not. */
export const isUpdated = ({ oldImage, newImage }: Pick<Swap, "oldImage" | "newImage">): boolean =>
  oldImage.Id !== newImage.Id;

export interface HardHooks {
  readonly isHard: (id: string) => boolean;
  readonly before: (old: ContainerDocument) => Promise<void>;
  readonly after: (old: ContainerDocument, successor: string) => Promise<void>;
}

export type SwapStep = Step<Swap>;

const oldOf = ({ engine, old }: Swap) => engine.docker.getContainer(old.Id);
const successorOf = ({ engine, name, run, successor }: Swap) =>
  engine.docker.getContainer(successor ?? successorName(name, run));

export const create: SwapStep = {
  name: "create the successor",
  tells: true,
  do: async (swap) => {
    const { name, run, ...rest } = swap;
    const old = asOf(swap);
    const files = await copiedInto(swap.engine, swap.old);
    const make = () => makeSuccessor({ ...rest, old, name: successorName(name, run) });
    swap.successor = await onImage({ ...swap, old }, swap.newImage.Id, make);
    swap.replaced.set(swap.old.Id, swap.successor);
    await copyPaths(swap.engine, { from: swap.old.Id, to: swap.successor, paths: files });
    await takeSnapshot(swap, swap.parent === undefined ? "updated" : "dependant");
    await swap.beforeStop(swap.successor);
  },
  // Volumes that the new image alone declares go with it; those it took over are bound by name and stay.
  undo: async (swap) => {
    const inspect = await ifThere(successorOf(swap).inspect());
    if (inspect !== undefined && isTaken(swap, inspect)) return;
    const { id } = successorOf(swap);
    if (await isAdopted(swap, id)) return rename(swap.engine, id, swap.name);
    await remove(swap, id, { v: true });
    if (swap.restored === undefined) swap.replaced.delete(swap.old.Id);
  },
};

const asOf = ({ old, reference = old.Config.Image }: Swap): ContainerDocument => ({
  ...old,
  Config: { ...old.Config, Image: reference },
});

const stopOld = (swap: Swap): Promise<void> => stopContainer({ ...swap, ...swap.proof }, swap.old);

export const stop: SwapStep = {
  name: "stop the old container",
  do: (swap) =>
    swap.resumedSince === undefined ? orRemoved(swap, stopOld(swap)) : tolerating([GONE], stopOld(swap)),
  undo: async (swap) => {
    if (swap.isRemoved === true) return;
    const own = swap.restored ?? swap.old.Id;
    const found = await leaveName(swap);
    if (found !== undefined) return yieldTo(swap, found, own);
    const isStarted = await startIfThere(swap, own).catch(async (error: unknown) => {
      if (await startsNoMore(swap, error)) return "never" as const;
      throw error;
    });
    if (isStarted === "never") await restoreOld(swap, own);
    else if (isStarted) await yieldAfterStart(swap, own);
    else if (!(await isRemovedWhole(swap))) await restoreOld(swap);
  },
};

/** After a restart of the Engine a stopped `always` container would be started beside the new one. */
export const parkPolicy: SwapStep = {
  name: "park the old container's restart policy",
  do: async (swap) => {
    // podman has no such call, and restarts nothing by itself
    if (restartsByItself(swap.old))
      await tolerating([GONE], oldOf(swap).update({ RestartPolicy: { Name: "no" } }));
  },
  undo: async (swap) => {
    const RestartPolicy = policyOf(swap.old);
    if (RestartPolicy.Name !== "no") await tolerating([GONE], oldOf(swap).update({ RestartPolicy }));
  },
};

export const start: SwapStep = {
  name: "start the successor",
  do: async (swap) => {
    await expectNoReplacement(swap);
    await tolerating([ALREADY_SO], successorOf(swap).start());
    await expectNoReplacement(swap).catch(async (error: unknown) => {
      await stopAgain(swap, await successorOf(swap).inspect());
      throw error;
    });
  },
  undo: async (swap) => {
    await leaveName(swap);
    const inspect = await ifThere(successorOf(swap).inspect());
    if (inspect?.State.Running && !isTaken(swap, inspect)) await stopAgain(swap, inspect);
  },
};

export const proveIt: SwapStep = {
  name: "prove the successor",
  do: (swap) => prove(successorOf(swap).id, { ...swap.proof, engine: swap.engine, clock: swap.clock }),
};

/** From the first of these to the last the container is down. */
export const DOWN = { from: stop.name, to: start.name } as const;

/** U2: only after the verdict. Its volumes stay. */
export const removeBackup = (swap: Pick<Swap, "engine" | "clock" | "old">): Promise<void> =>
  remove(swap, swap.old.Id, { v: false });

const restartsByItself = (container: ContainerDocument): boolean =>
  ["always", "on-failure"].includes(container.HostConfig.RestartPolicy?.Name ?? "");

const policyOf = ({ HostConfig: { RestartPolicy } }: ContainerDocument) =>
  RestartPolicy?.Name ? RestartPolicy : { Name: "no" };

const AT_MOST = 5;

/**
 * The old container was removed meanwhile, or is `insteadOf` and cannot be started: it is made anew. What refers to it by its id
 * is recreated then.
 * @throws Error where that cannot be; the successor runs in its place until it can.
 */
export async function restoreOld(swap: Swap, insteadOf?: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    await fetchOldImage(swap).catch(async (error: unknown) => {
      swap.lost = (await runSuccessorInstead(swap)) ? "replaced" : "gone";
      throw error;
    });
    swap.lost = undefined;
    await start.undo?.(swap);
    await takeName.undo?.(swap); // the successor may have run in its place
    try {
      swap.restored = await makeOldAnew(swap, insteadOf);
    } catch (error) {
      if (await yieldAfterStart(swap, backupName(swap.name, swap.run))) return;
      throw error;
    }
    swap.replaced.set(swap.old.Id, swap.restored);
    await giveFilesBack(swap, swap.restored);
    if (await startIfThere(swap, swap.restored)) {
      await yieldAfterStart(swap, swap.restored);
      return;
    }
    if (tries === AT_MOST) throw new Error(`it was removed ${tries} times before it could start`);
  }
}

/** What was copied into the old container went into its successor. */
async function giveFilesBack(swap: Swap, to: string): Promise<void> {
  const { engine } = swap;
  const successor = await ifThere(successorOf(swap).inspect());
  if (successor === undefined) return;
  const paths = await surelyCopiedInto(engine, successor as unknown as ContainerDocument);
  await copyPaths(engine, { from: successor.Id, to, paths });
}
