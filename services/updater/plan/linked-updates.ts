// Linked updates: containers that refer to a container that is updated, and that are to be updated themselves. Parent
// and children are one transaction.
//   A1  All are asked about before the parent is stopped. A child that may not be updated is recreated on the image
//       it has.
//   A2  The children are recreated on their new images after the parent has proved itself; then they prove
//       themselves.
//   A3  All are kept or all are put back, after after_update was asked for each. A failure is held for the container
//       that it happened to; the others may be tried again without it.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { isOwnPart } from "../../../shared/containers/self-update-policy.ts";
import { findReferrers } from "../swap/swap-dependants.ts";
import { type LinkedSwap, type Swap, isUpdated } from "../swap/swap-state.ts";
import { SwapTimer } from "../swap/swap-timer.ts";
import type { UpdateEntry, Run, Update } from "../updater.ts";
import { isUpdateAllowed, isPreUpdateDone } from "./before-update.ts";
import type { ResultDetails } from "./finish-container.ts";
import { timerOptionsOf } from "./swap-resources.ts";

/** The update of a container together with the container that it refers to. */
export interface LinkedUpdate {
  readonly update: Update;
  /** Undefined where an earlier process recreated it. */
  readonly timed?: SwapTimer;
}

interface LinkedUpdatesRequest {
  /** The other updates of its group. */
  readonly others: readonly Update[];
  /** Ids of the dependencies that the group stopped. */
  readonly stopped: readonly string[];
  readonly atMost: number | undefined;
}

/** A1. The updates that may join the transaction of `parent`; some of the others are ended here. */
export async function findLinkedUpdates(
  run: Run,
  { others, stopped, atMost }: LinkedUpdatesRequest,
  parent: ContainerInspection,
): Promise<LinkedUpdate[]> {
  const { engine } = run.bus.host;
  if (others.length === 0 || isOwnPart({ id: parent.Id, labels: parent.Config.Labels }, run.bus.host))
    return [];
  const old = parent;
  const referrers = await findReferrers({ engine, references: run.references, old, successor: undefined });
  const linkedUpdates: LinkedUpdate[] = [];
  for (const inspect of referrers) {
    const update = others.find(({ facts }) => `/${facts.name}` === inspect.Name);
    if (update === undefined || run.journal.findResult(update.facts.name) !== undefined) continue;
    const isRunning = inspect.State.Running || stopped.includes(inspect.Id);
    if (!isRunning || inspect.State.Paused) continue; // its own turn reports why nothing is done
    if (!(await isUpdateAllowed(run, { update, atMost }, inspect))) continue;
    if (await isPreUpdateDone(run, update, inspect))
      linkedUpdates.push({ update, timed: createSwapTimer(run, update) });
  }
  return linkedUpdates;
}

/** The updates that an earlier process did together with `parent`. */
export const findRecoveredLinkedUpdates = (
  run: Run,
  parent: string,
  updates: readonly Update[],
): LinkedUpdate[] =>
  updates
    .filter(({ facts }) => run.recovered.get(facts.name)?.parent === parent)
    .map((update) => ({ update }));

/** Times the steps of one container. */
export const createSwapTimer = (run: Run, { facts: { name } }: UpdateEntry): SwapTimer =>
  new SwapTimer(timerOptionsOf(run, name));

/** The reference to create the successor by, if it is not the container's own (LATEST_ONLY). */
export const findNewReference = ({ facts, ref }: UpdateEntry): { readonly reference?: string } =>
  parseImageRef(facts.reference)?.familiar === ref.familiar ? {} : { reference: ref.familiar };

export const describeLinkedSwaps = (linkedUpdates: readonly LinkedUpdate[]): Map<string, LinkedSwap> =>
  new Map(
    linkedUpdates.map(({ update, timed }) => [
      update.facts.name,
      {
        newImage: update.newImage,
        ...findNewReference(update),
        ...(timed && { watching: timed }),
      },
    ]),
  );

/** One container of a transaction. */
export interface TransactionMember {
  readonly entry: UpdateEntry;
  readonly swap: Swap;
  readonly timed?: SwapTimer | undefined;
}

/** The children that were updated, in the order in which they were recreated. */
export const findUpdatedChildren = ({
  swap,
  linkedUpdates,
}: TransactionMember & { readonly linkedUpdates: readonly LinkedUpdate[] }): TransactionMember[] =>
  swap.dependants.filter(isUpdated).flatMap((child) => {
    const found = linkedUpdates.find(({ update }) => update.facts.name === child.name);
    return found === undefined ? [] : [{ entry: found.update, swap: child, timed: found.timed }];
  });

/** A3: the result of `name` when `ending` is the culprit's. */
export function resultInTransaction(name: string, culprit: string, ending: ResultDetails): ResultDetails {
  if (name === culprit) return ending;
  const because = ending.end === "stuck" ? ending.because : `put back with ${culprit}: ${ending.because}`;
  return { ...ending, because, by: "updater", with: culprit, isPassing: true };
}
