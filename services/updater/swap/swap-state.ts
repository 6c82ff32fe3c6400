// What a swap is: what it shares with the other swaps of its transaction, the container that it replaces, and how far it
// got. Every swap is made by `makeSwap`.
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import type { Clock } from "../../../shared/clock.ts";
import type { Engine } from "../../../shared/docker/engine.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import type { SnapshotStore, Snapshot } from "../journal/snapshot-store.ts";
import type { ContainerReferences } from "../containers/container-references.ts";
import type { Semaphore } from "../semaphore.ts";
import type { Replacement } from "./replacement.ts";
import type { StepObserver } from "./saga.ts";
import type { RecoverableStep } from "./swap-phase.ts";
import type { VerificationOptions } from "./verify-container.ts";

type Verification = Omit<VerificationOptions, "engine" | "clock">;

/** What all swaps of a transaction share. */
export interface SwapContext {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Where snapshots are kept. */
  readonly snapshotStore: SnapshotStore;
  /** The snapshots that an earlier process of the run took. */
  readonly snapshots?: readonly Snapshot[];
  readonly run: string;
  /** How to verify a container that is recreated with another. */
  readonly verificationFor: (old: ContainerInspection, image: ImageInspection) => Verification;
  /** Pulls an image that a prune removed, by its digest, which is the reference's tag here. */
  readonly fetchImage: (wanted: { ref: ImageRef; platform: string | undefined }) => Promise<void>;
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
  /** The steps that recreate a dependant (swap-steps.ts). */
  readonly recreateSteps: readonly SwapStep[];
  /** A part of Ouroboros itself. */
  readonly isOwn?: true;
}

/** The container that is replaced, and by what. */
export interface SwapTarget {
  /** The name its user gave it. */
  readonly name: string;
  readonly old: ContainerInspection;
  readonly oldImage: ImageInspection;
  readonly newImage: ImageInspection;
  readonly verification: Verification;
  /** The image reference of the new container, if it differs from the old one's (LATEST_ONLY). */
  readonly reference?: string | undefined;
  /** The name of the container in whose transaction this one is recreated. */
  readonly parent?: string | undefined;
  /** The updates in the same transaction, by name, of containers that refer to this one. */
  readonly linkedSwaps?: ReadonlyMap<string, LinkedSwap>;
  /** Observes the steps of a dependant that is updated with its parent. */
  readonly watching?: StepObserver | undefined;
  /** What the run does right before the first stop. */
  readonly beforeStop?: Partial<BeforeStop>;
  /** A rollback starts neither the old container nor what refers to it. */
  readonly staysStopped?: boolean;
}

/** How far it got. The steps and their undos write it. */
interface SwapProgress {
  /** The new container's id, once it is made. */
  successor: string | undefined;
  /** The id of the recreated old container: somebody had removed it, or it could not run any more. */
  restored: string | undefined;
  /** The undo of its stop was begun and has not succeeded: the old container may yet be recreated. */
  isStillDown: boolean;
  /** The old container cannot be recreated: the successor runs in its place, or nothing does. */
  lost: "replaced" | "gone" | undefined;
  /** The container that the owner put in its place; this and the next three are explained in yield-to-owner.ts. */
  replacement: Replacement | undefined;
  kept: string | undefined;
  hasLeftName: boolean;
  isRemoved: boolean;
  /** Swaps of the containers that refer to this one, parents before children. */
  dependants: Swap[];
  /** Swaps of the containers that the owner attached to the successor. */
  joined: Swap[];
}

export interface Swap extends SwapContext, Required<SwapTarget>, SwapProgress {
  readonly beforeStop: BeforeStop;
}

export type SwapStep = RecoverableStep<Swap>;

/** What turns the recreation of a dependant into its update. */
export type LinkedSwap = Pick<SwapTarget, "newImage" | "reference" | "watching">;

/** The steps of before-stop.ts. */
interface BeforeStop {
  /** Waits for a slot. @throws Error if the container must not be stopped any more. */
  readonly awaitTurn: () => Promise<void>;
  /** Writes into the journal what is about to happen. */
  readonly recordIntent: (successor: string) => Promise<void>;
  /** @throws Fenced if another updater acts on the host. */
  readonly checkLock: () => Promise<void>;
}

export interface HardDependencyHooks {
  readonly isHard: (id: string) => boolean;
  readonly before: (old: ContainerInspection) => Promise<void>;
  readonly after: (old: ContainerInspection, successor: string) => Promise<void>;
}

const NO_LINKED_SWAPS: Swap["linkedSwaps"] = new Map();
const NOTHING_BEFORE_STOP: BeforeStop = {
  awaitTurn: () => Promise.resolve(),
  recordIntent: () => Promise.resolve(),
  checkLock: () => Promise.resolve(),
};

/** `context` may be another swap of the transaction. `successor`: the new container, if it was made already. */
export function makeSwap(context: SwapContext, target: SwapTarget, successor?: string): Swap {
  const progress: SwapProgress = {
    successor,
    restored: undefined,
    isStillDown: false,
    lost: undefined,
    replacement: undefined,
    kept: undefined,
    hasLeftName: false,
    isRemoved: false,
    dependants: [],
    joined: [],
  };
  const { name, old, oldImage, newImage, verification, reference, parent, watching } = target;
  const { linkedSwaps = NO_LINKED_SWAPS, beforeStop, staysStopped = false } = target;
  return {
    ...context,
    ...{ name, old, oldImage, newImage, verification, reference, parent, watching },
    ...{ linkedSwaps, staysStopped, beforeStop: { ...NOTHING_BEFORE_STOP, ...beforeStop } },
    ...progress,
  };
}

/** False for a dependant that is recreated on its current image. */
export const isUpdated = ({ oldImage, newImage }: Pick<Swap, "oldImage" | "newImage">): boolean =>
  oldImage.Id !== newImage.Id;
