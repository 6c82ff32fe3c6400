// A swap that an earlier process left unfinished: finds the old and the new container on the Engine, and rebuilds the
// Swap from them and from its snapshot.
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { factsOf } from "../../../shared/containers/container-facts.ts";
import type { ServiceContext, Host } from "../../../shared/runtime/run-service.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { makeImageFetcher } from "../containers/pull-image.ts";
import type { CredentialSettings } from "../../../shared/registry/credentials.ts";
import type { Semaphore } from "../semaphore.ts";
import { isReferredTo, restorePolicy } from "../swap/swap-dependants.ts";
import { wasRunning } from "../swap/was-running.ts";
import { type Snapshot, containerNameIn } from "../journal/snapshot-store.ts";
import { makeVerificationOptions } from "../swap/verify-container.ts";
import { ContainerReferences } from "../containers/container-references.ts";
import type { ObservedSwap } from "../swap/swap-phase.ts";
import { type Swap, type SwapContext, makeSwap } from "../swap/swap-state.ts";
import { recreateSteps } from "../swap/swap-steps.ts";
import { userGivenName } from "../../../shared/containers/swap-names.ts";
import type { SwapContainers } from "../swap/swap-containers.ts";

export type RecoveryContext = Pick<ServiceContext, "settings" | "log" | "clock"> & {
  readonly host: Host;
  readonly hardStop: AbortSignal;
  readonly tagSemaphore: Semaphore;
  /** The credentials for a pull; without NATS only those of the settings are known. */
  readonly credentials?: () => Promise<CredentialSettings>;
  /** Hard dependencies whose recreation a hook refused; undefined if that is unknown because NATS is away. */
  readonly refused?: ReadonlySet<string> | undefined;
};

export type SwapRecoveryContext = RecoveryContext & {
  /** Ids that a marker or a snapshot lists. */
  readonly ran: ReadonlySet<string>;
  readonly snapshots: readonly Snapshot[];
};

/** `gone`: the old container from its snapshot, if it no longer exists. */
export interface FoundSwap extends SwapContainers {
  readonly gone?: ContainerInspection;
}

export interface InterruptedSwap extends FoundSwap {
  readonly old: ContainerInspection;
  /** The successor; the old container itself if there is no successor. */
  readonly next: ContainerInspection;
  readonly observed: ObservedSwap;
}

/** What the names show. */
export function observe({ backup, gone, current, successor }: Omit<FoundSwap, "name" | "run">): ObservedSwap {
  const isExchanged = (backup ?? gone) !== undefined;
  return {
    old: backup ? "aside" : gone ? "gone" : current ? "named" : "unknown",
    successor: successor ? "temporary" : isExchanged && current ? "named" : "none",
  };
}

/** The swaps whose old container exists or is known from a snapshot. */
export function listInterruptedSwaps(all: readonly FoundSwap[]): InterruptedSwap[] {
  const begun = all.flatMap((parts) => {
    const observed = observe(parts);
    const old = parts.backup ?? parts.gone ?? parts.current;
    const next = observed.successor === "named" ? parts.current : parts.successor;
    return old === undefined ? [] : [{ ...parts, observed, old, next: next ?? old }];
  });
  return begun.map((swap) => ({
    ...swap,
    observed: { ...swap.observed, isDependant: isDependant(swap, begun) },
  }));
}

/**
 * A dependant keeps its image, or is updated with the container it refers to; any other container gets a new image.
 * If one container refers to another, both are in progress at once only within one transaction.
 */
function isDependant(swap: InterruptedSwap, all: readonly InterruptedSwap[]): boolean {
  const targets = factsOf(swap.old).refersTo.map(userGivenName);
  const refersTo = (parent: InterruptedSwap): boolean =>
    parent !== swap &&
    parent.run === swap.run &&
    (targets.includes(parent.name) ||
      [parent.old, parent.next].some((container) => isReferredTo(targets, container)));
  return swap.observed.successor !== "none" && (swap.old.Image === swap.next.Image || all.some(refersTo));
}

/**
 * Except for dependants, only a running container gets a successor; a dependant that somebody had stopped stays
 * stopped. The snapshot decides. Without one the Engine's times decide, although its clock may have been set back.
 */
export const wasStoppedByUs = (
  parts: InterruptedSwap,
  { ran, snapshots }: Pick<SwapRecoveryContext, "ran" | "snapshots">,
): boolean =>
  parts.observed.isDependant !== true || wasRunning({ ran, snapshots }, parts.old, parts.next.Created);

const snapshotOf = (
  { snapshots }: SwapRecoveryContext,
  { run, name }: Pick<InterruptedSwap, "run" | "name">,
): Snapshot | undefined =>
  snapshots.find((snapshot) => snapshot.run === run && containerNameIn(snapshot) === name);

interface SwapToRebuild extends Omit<InterruptedSwap, "observed"> {
  /** Its rollback does not start the old container. */
  readonly staysStopped?: boolean;
}

export async function rebuildSwap(
  context: SwapRecoveryContext,
  { name, run, old, next, successorId, staysStopped = false }: SwapToRebuild,
): Promise<Swap> {
  const { engine } = context.host;
  const snapshot = snapshotOf(context, { run, name });
  const isOfOld = snapshot?.container.Id === old.Id;
  const original = isOfOld ? snapshot.container : next;
  const document = restorePolicy(old, original); // its policy may be parked
  const imageOf = async (id: string, known: ImageInspection | undefined) =>
    (await ifExists(engine.docker.getImage(id).inspect())) ??
    (known?.Id === id ? known : await engine.docker.getImage(id).inspect());
  const oldImage = await imageOf(old.Image, snapshot?.image);
  const isAlone = old.Id === next.Id;
  const swapContext = makeRecoveredContext(context, run, new Map([[old.Id, next.Id]]));
  const target = {
    name,
    old: document,
    oldImage,
    newImage: isAlone ? (snapshot?.new_image ?? oldImage) : await imageOf(next.Image, snapshot?.new_image),
    verification: swapContext.verificationFor(document, oldImage),
    parent: snapshot?.parent,
    staysStopped,
  };
  const resumed = { ...swapContext, resumedSince: next.Created };
  return makeSwap(resumed, target, isAlone ? (successorId ?? next.Id) : next.Id);
}

/** What the swaps of a transaction share that an earlier process began, and that this one goes on with. */
export const makeRecoveredContext = (
  context: SwapRecoveryContext,
  run: string,
  replaced: SwapContext["replaced"],
): SwapContext => {
  const { engine } = context.host;
  const { clock, tagSemaphore, ran, hardStop, credentials, settings } = context;
  return {
    ...{ engine, clock, run, replaced, tagSemaphore, ran },
    snapshotStore: context,
    snapshots: context.snapshots.filter((taken) => taken.run === run),
    verificationFor: (container, image) =>
      makeVerificationOptions(container, image, { ...context, log: context.log.child({ run }) }),
    fetchImage: makeImageFetcher({
      ...context,
      engine,
      signal: hardStop,
      settings: credentials ?? settings,
    }),
    references: new ContainerReferences(),
    recreateSteps,
  };
};
