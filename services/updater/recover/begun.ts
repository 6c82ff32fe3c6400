// A swap that an earlier process left, as the Engine shows it: which container is the old one, which the new, and what is
// known of how they were.
import type { ContainerInspectInfo } from "dockerode";
import { factsOf } from "../../../shared/container-facts.ts";
import type { Context, Host } from "../../../shared/run-service.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { ifThere } from "../../../shared/engine.ts";
import { imageFetcher } from "../plan/pull.ts";
import type { Bound } from "../../../shared/credentials.ts";
import type { Semaphore } from "../swap/places.ts";
import { isAmong, unparked } from "../swap/dependants.ts";
import { ranWhenKept } from "../swap/ran.ts";
import { type Snapshot, nameIn } from "../journal/snapshots.ts";
import { proofOf } from "../swap/prove.ts";
import { References } from "../swap/references.ts";
import { NONE_ALONG, type Swap } from "../swap/swap.ts";
import { userName } from "../../../shared/swap-names.ts";
import type { SwapParts } from "../swap/swap-parts.ts";

export type Recovering = Pick<Context, "settings" | "log" | "clock"> & {
  readonly host: Host;
  readonly hardStop: AbortSignal;
  readonly making: Semaphore;
  /** Whose credentials go with a pull; without NATS nobody knows but the settings. */
  readonly credentials?: () => Promise<Bound>;
  /** Hard dependencies whose recreation a hook refused; undefined where nobody knows, because NATS is away. */
  readonly refused?: ReadonlySet<string> | undefined;
};

export type RecoveringSwaps = Recovering & {
  /** Ids that a marker or a snapshot lists. */
  readonly ran: ReadonlySet<string>;
  readonly snapshots: readonly Snapshot[];
};

/** `gone` is the old container as its snapshot has it: it is not there any more. */
export interface Found extends SwapParts {
  readonly gone?: ContainerInspectInfo;
}

export interface Begun extends Found {
  readonly old: ContainerInspectInfo;
  /** The old one itself, where there is no other. */
  readonly next: ContainerInspectInfo;
  /** It goes the way of a container that it refers to. */
  readonly isDependant: boolean;
}

/** Those whose old container is there, or known. */
export function begunOf(all: readonly Found[]): Begun[] {
  const begun = all.flatMap((parts) => {
    const old = parts.backup ?? parts.gone ?? parts.current;
    const isExchanged = (parts.backup ?? parts.gone) !== undefined;
    const next = parts.successor ?? (isExchanged ? parts.current : undefined);
    return old === undefined ? [] : [{ ...parts, old, next: next ?? old }];
  });
  return begun.map((one) => ({ ...one, isDependant: isDependant(one, begun) }));
}

/** R3 */
export const isAlone = ({ old, next }: Pick<Begun, "old" | "next">): boolean => old.Id === next.Id;

/** R1, R3: the successor does not bear the name. */
export const isUncommitted = (begun: Begun): boolean => begun.successor !== undefined || isAlone(begun);

type Unmarked = Omit<Begun, "isDependant">;

/**
 * A dependant keeps its image, or is updated with what it refers to; any other gets another image. Of two containers of
 * which one refers to the other both are begun at a time only in one transaction.
 */
function isDependant(one: Unmarked, all: readonly Unmarked[]): boolean {
  const targets = factsOf(one.old).refersTo.map(userName);
  const refersTo = (other: Unmarked): boolean =>
    other !== one &&
    other.run === one.run &&
    (targets.includes(other.name) || [other.old, other.next].some((parent) => isAmong(targets, parent)));
  return !isAlone(one) && (one.old.Image === one.next.Image || all.some(refersTo));
}

/**
 * Only what ran gets a successor, but for dependants: one that somebody had stopped before stays stopped. What a snapshot
 * says counts; the Engine's times do where there is none, for its clock may have been set back in between.
 */
export const wasStoppedByUs = (
  parts: Begun,
  { ran, snapshots }: Pick<RecoveringSwaps, "ran" | "snapshots">,
): boolean => !parts.isDependant || ranWhenKept({ ran, snapshots }, parts.old, parts.next.Created);

const snapshotOf = (
  { snapshots }: RecoveringSwaps,
  { run, name }: Pick<Begun, "run" | "name">,
): Snapshot | undefined => snapshots.find((one) => one.run === run && nameIn(one) === name);

export async function swapFrom(
  it: RecoveringSwaps,
  { name, run, old, next, successorId }: Omit<Begun, "isDependant">,
): Promise<Swap> {
  const { engine } = it.host;
  const kept = snapshotOf(it, { run, name });
  const isKept = kept?.container.Id === old.Id;
  const asBefore = isKept ? (kept.container as unknown as ContainerInspectInfo) : next;
  const document = unparked(old, asBefore) as unknown as ContainerDocument; // its own policy may be parked
  const imageOf = async (id: string, known: ImageDocument | undefined) =>
    ((await ifThere(engine.docker.getImage(id).inspect())) as ImageDocument | undefined) ??
    (known?.Id === id ? known : ((await engine.docker.getImage(id).inspect()) as unknown as ImageDocument));
  const oldImage = await imageOf(old.Image, kept?.image);
  const isAlone = old.Id === next.Id;
  const proofFor = (container: ContainerDocument, image: ImageDocument) =>
    proofOf(container, image, { ...it, log: it.log.child({ run }) });
  return {
    engine,
    clock: it.clock,
    run,
    name,
    old: document,
    oldImage,
    newImage: isAlone ? (kept?.new_image ?? oldImage) : await imageOf(next.Image, kept?.new_image),
    shelf: it,
    snapshots: it.snapshots.filter((one) => one.run === run),
    ...(kept?.parent !== undefined && { parent: kept.parent }),
    proof: proofFor(document, oldImage),
    proofFor,
    along: NONE_ALONG,
    replaced: new Map([[old.Id, next.Id]]),
    making: it.making,
    fetchImage: imageFetcher({ ...it, engine, signal: it.hardStop, settings: it.credentials ?? it.settings }),
    references: new References(),
    ran: it.ran,
    resumedSince: next.Created,
    beforeStop: () => Promise.resolve(),
    successor: isAlone ? (successorId ?? next.Id) : next.Id,
    dependants: [],
  };
}
