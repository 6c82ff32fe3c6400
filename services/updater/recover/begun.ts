// A swap that an earlier process left, as the Engine shows it: which container is the old one, which the new, and what is
// known of how they were.
import type { ContainerInspectInfo } from "dockerode";
import type { Context, Host } from "../../../shared/run-service.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import type { Places } from "../swap/places.ts";
import { unparked } from "../swap/dependants.ts";
import { proofOf } from "../swap/prove.ts";
import { References } from "../swap/references.ts";
import type { Swap } from "../swap/swap.ts";
import type { Parts } from "../swap/swap-parts.ts";

export type Recovering = Pick<Context, "settings" | "log" | "clock"> & {
  readonly host: Host;
  readonly hardStop: AbortSignal;
  readonly making: Places;
};

export type RecoveringSwaps = Recovering & {
  /** Ids that a marker lists. */
  readonly ran: ReadonlySet<string>;
};

export interface Begun extends Parts {
  readonly old: ContainerInspectInfo;
  /** The old one itself, where there is no other. */
  readonly next: ContainerInspectInfo;
}

/** Undefined where the old container is gone. */
export function begunOf(parts: Parts): Begun | undefined {
  const old = parts.backup ?? parts.current;
  const next = parts.successor ?? (parts.backup === undefined ? undefined : parts.current);
  return old && { ...parts, old, next: next ?? old };
}

/** R3 */
export const isAlone = ({ old, next }: Begun): boolean => old.Id === next.Id;

/** R1, R3: the successor does not bear the name. */
export const isUncommitted = (begun: Begun): boolean => begun.successor !== undefined || isAlone(begun);

/** A dependant keeps its image; a container that is updated gets another one. */
export const isDependant = (begun: Begun): boolean => begun.old.Image === begun.next.Image && !isAlone(begun);

/**
 * Only what ran gets a successor, but for dependants: one that somebody had stopped before stays stopped. The times are
 * the Engine's; a clock that was set back in between must not keep more than that down.
 */
export const wasStoppedByUs = (parts: Begun): boolean =>
  !isDependant(parts) ||
  parts.old.State.Running ||
  Date.parse(parts.old.State.FinishedAt) >= Date.parse(parts.next.Created);

export async function swapFrom(it: RecoveringSwaps, { name, run, old, next }: Begun): Promise<Swap> {
  const { engine } = it.host;
  const document = unparked(old, next) as unknown as ContainerDocument;
  return {
    engine,
    clock: it.clock,
    run,
    name,
    old: document,
    oldImage: (await engine.docker.getImage(old.Image).inspect()) as unknown as ImageDocument,
    newImage: (await engine.docker.getImage(next.Image).inspect()) as unknown as ImageDocument,
    proof: proofOf(document, it),
    replaced: new Map([[old.Id, next.Id]]),
    making: it.making,
    references: new References(),
    ran: it.ran,
    resumedSince: next.Created,
    beforeStop: () => Promise.resolve(),
    successor: next.Id,
    dependants: [],
  };
}
