// A swap that an earlier process left, as the Engine shows it: which container is the old one, which the new, and what is
// known of how they were.
import type { ContainerInspectInfo } from "dockerode";
import { factsOf } from "../../../shared/container-facts.ts";
import type { Context, Host } from "../../../shared/run-service.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { readDocument } from "../journal/documents.ts";
import { imageFetcher } from "../plan/pull.ts";
import type { Semaphore } from "../swap/places.ts";
import { isAmong, unparked } from "../swap/dependants.ts";
import { proofOf } from "../swap/prove.ts";
import { References } from "../swap/references.ts";
import { NONE_ALONG, type Swap } from "../swap/swap.ts";
import { userName } from "../swap/swap-names.ts";
import type { SwapParts } from "../swap/swap-parts.ts";

export type Recovering = Pick<Context, "settings" | "log" | "clock"> & {
  readonly host: Host;
  readonly hardStop: AbortSignal;
  readonly making: Semaphore;
};

export type RecoveringSwaps = Recovering & {
  /** Ids that a marker lists. */
  readonly ran: ReadonlySet<string>;
};

export interface Begun extends SwapParts {
  readonly old: ContainerInspectInfo;
  /** The old one itself, where there is no other. */
  readonly next: ContainerInspectInfo;
  /** It goes the way of a container that it refers to. */
  readonly isDependant: boolean;
}

/** Those whose old container is there. */
export function begunOf(all: readonly SwapParts[]): Begun[] {
  const begun = all.flatMap((parts) => {
    const old = parts.backup ?? parts.current;
    const next = parts.successor ?? (parts.backup === undefined ? undefined : parts.current);
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
 * Only what ran gets a successor, but for dependants: one that somebody had stopped before stays stopped. The times are
 * the Engine's; a clock that was set back in between must not keep more than that down.
 */
export const wasStoppedByUs = (parts: Begun): boolean =>
  !parts.isDependant ||
  parts.old.State.Running ||
  Date.parse(parts.old.State.FinishedAt) >= Date.parse(parts.next.Created);

/** What has the restart policy that the old one had: its successor, or where that is gone its inspect document. */
async function knownFrom(
  it: RecoveringSwaps,
  { name, run, old, next }: Pick<Begun, "name" | "run" | "old" | "next">,
): Promise<ContainerInspectInfo> {
  const kept = isAlone({ old, next }) ? await readDocument(it, run, name) : undefined;
  return kept?.Id === old.Id ? (kept as unknown as ContainerInspectInfo) : next;
}

export async function swapFrom(
  it: RecoveringSwaps,
  { name, run, old, next }: Omit<Begun, "isDependant">,
): Promise<Swap> {
  const { engine } = it.host;
  const kept = await knownFrom(it, { name, run, old, next });
  const document = unparked(old, kept) as unknown as ContainerDocument;
  const oldImage = (await engine.docker.getImage(old.Image).inspect()) as unknown as ImageDocument;
  const proofFor = (container: ContainerDocument, image: ImageDocument) =>
    proofOf(container, image, { ...it, log: it.log.child({ run }) });
  return {
    engine,
    clock: it.clock,
    run,
    name,
    old: document,
    oldImage,
    newImage: (await engine.docker.getImage(next.Image).inspect()) as unknown as ImageDocument,
    proof: proofFor(document, oldImage),
    proofFor,
    along: NONE_ALONG,
    replaced: new Map([[old.Id, next.Id]]),
    making: it.making,
    fetchImage: imageFetcher({ ...it, engine, signal: it.hardStop }),
    references: new References(),
    ran: it.ran,
    resumedSince: next.Created,
    beforeStop: () => Promise.resolve(),
    successor: next.Id,
    dependants: [],
  };
}
