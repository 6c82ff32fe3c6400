// A swap that an earlier process left, as the Engine shows it: which container is the old one, which the new, and what is
// known of how they were.
import type { ContainerInspectInfo } from "dockerode";
import { factsOf } from "../../../shared/containers/container-facts.ts";
import type { ServiceContext, Host } from "../../../shared/runtime/run-service.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { makeImageFetcher } from "../containers/pull-image.ts";
import type { CredentialSettings } from "../../../shared/registry/credentials.ts";
import type { Semaphore } from "../semaphore.ts";
import { isReferredTo, restorePolicy } from "../swap/swap-dependants.ts";
import { wasRunning } from "../swap/was-running.ts";
import { type Snapshot, containerNameIn } from "../journal/snapshot-store.ts";
import { makeVerificationOptions } from "../swap/verify-container.ts";
import { ContainerReferences } from "../containers/container-references.ts";
import { NO_LINKED_SWAPS, type Swap } from "../swap/swap.ts";
import { userGivenName } from "../../../shared/containers/swap-names.ts";
import type { SwapContainers } from "../swap/swap-containers.ts";

export type RecoveryContext = Pick<ServiceContext, "settings" | "log" | "clock"> & {
  readonly host: Host;
  readonly hardStop: AbortSignal;
  readonly tagSemaphore: Semaphore;
  /** Whose credentials go with a pull; without NATS nobody knows but the settings. */
  readonly credentials?: () => Promise<CredentialSettings>;
  /** Hard dependencies whose recreation a hook refused; undefined where nobody knows, because NATS is away. */
  readonly refused?: ReadonlySet<string> | undefined;
};

export type SwapRecoveryContext = RecoveryContext & {
  /** Ids that a marker or a snapshot lists. */
  readonly ran: ReadonlySet<string>;
  readonly snapshots: readonly Snapshot[];
};

/** `gone` is the old container as its snapshot has it: it is not there any more. */
export interface FoundSwap extends SwapContainers {
  readonly gone?: ContainerInspectInfo;
}

export interface InterruptedSwap extends FoundSwap {
  readonly old: ContainerInspectInfo;
  /** The old one itself, where there is no other. */
  readonly next: ContainerInspectInfo;
  /** It goes the way of a container that it refers to. */
  readonly isDependant: boolean;
}

/** Those whose old container is there, or known. */
export function listInterruptedSwaps(all: readonly FoundSwap[]): InterruptedSwap[] {
  const begun = all.flatMap((parts) => {
    const old = parts.backup ?? parts.gone ?? parts.current;
    const isExchanged = (parts.backup ?? parts.gone) !== undefined;
    const next = parts.successor ?? (isExchanged ? parts.current : undefined);
    return old === undefined ? [] : [{ ...parts, old, next: next ?? old }];
  });
  return begun.map((one) => ({ ...one, isDependant: isDependant(one, begun) }));
}

/** R3 */
export const hasNoSuccessor = ({ old, next }: Pick<InterruptedSwap, "old" | "next">): boolean =>
  old.Id === next.Id;

/** R1, R3: the successor does not bear the name. */
export const isUncommitted = (begun: InterruptedSwap): boolean =>
  begun.successor !== undefined || hasNoSuccessor(begun);

type UnclassifiedSwap = Omit<InterruptedSwap, "isDependant">;

/**
 * A dependant keeps its image, or is updated with what it refers to; any other gets another image. Of two containers of
 * which one refers to the other both are begun at a time only in one transaction.
 */
function isDependant(one: UnclassifiedSwap, all: readonly UnclassifiedSwap[]): boolean {
  const targets = factsOf(one.old).refersTo.map(userGivenName);
  const refersTo = (other: UnclassifiedSwap): boolean =>
    other !== one &&
    other.run === one.run &&
    (targets.includes(other.name) || [other.old, other.next].some((parent) => isReferredTo(targets, parent)));
  return !hasNoSuccessor(one) && (one.old.Image === one.next.Image || all.some(refersTo));
}

/**
 * Only what ran gets a successor, but for dependants: one that somebody had stopped before stays stopped. What a snapshot
 * says counts; the Engine's times do where there is none, for its clock may have been set back in between.
 */
export const wasStoppedByUs = (
  parts: InterruptedSwap,
  { ran, snapshots }: Pick<SwapRecoveryContext, "ran" | "snapshots">,
): boolean => !parts.isDependant || wasRunning({ ran, snapshots }, parts.old, parts.next.Created);

const snapshotOf = (
  { snapshots }: SwapRecoveryContext,
  { run, name }: Pick<InterruptedSwap, "run" | "name">,
): Snapshot | undefined => snapshots.find((one) => one.run === run && containerNameIn(one) === name);

export async function rebuildSwap(
  it: SwapRecoveryContext,
  { name, run, old, next, successorId }: Omit<InterruptedSwap, "isDependant">,
): Promise<Swap> {
  const { engine } = it.host;
  const kept = snapshotOf(it, { run, name });
  const isKept = kept?.container.Id === old.Id;
  const asBefore = isKept ? (kept.container as unknown as ContainerInspectInfo) : next;
  const document = restorePolicy(old, asBefore) as unknown as ContainerDocument; // its own policy may be parked
  const imageOf = async (id: string, known: ImageDocument | undefined) =>
    ((await ifExists(engine.docker.getImage(id).inspect())) as ImageDocument | undefined) ??
    (known?.Id === id ? known : ((await engine.docker.getImage(id).inspect()) as unknown as ImageDocument));
  const oldImage = await imageOf(old.Image, kept?.image);
  const isAlone = old.Id === next.Id;
  const proofFor = (container: ContainerDocument, image: ImageDocument) =>
    makeVerificationOptions(container, image, { ...it, log: it.log.child({ run }) });
  return {
    engine,
    clock: it.clock,
    run,
    name,
    old: document,
    oldImage,
    newImage: isAlone ? (kept?.new_image ?? oldImage) : await imageOf(next.Image, kept?.new_image),
    snapshotStore: it,
    snapshots: it.snapshots.filter((one) => one.run === run),
    ...(kept?.parent !== undefined && { parent: kept.parent }),
    verification: proofFor(document, oldImage),
    verificationFor: proofFor,
    linkedSwaps: NO_LINKED_SWAPS,
    replaced: new Map([[old.Id, next.Id]]),
    tagSemaphore: it.tagSemaphore,
    fetchImage: makeImageFetcher({
      ...it,
      engine,
      signal: it.hardStop,
      settings: it.credentials ?? it.settings,
    }),
    references: new ContainerReferences(),
    ran: it.ran,
    resumedSince: next.Created,
    beforeStop: () => Promise.resolve(),
    successor: isAlone ? (successorId ?? next.Id) : next.Id,
    dependants: [],
  };
}
