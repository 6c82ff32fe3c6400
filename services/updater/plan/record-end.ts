// Records how the containers of a transaction ended, in the journal and for those who hear of it.
import { describeReplacement } from "../swap/replacement.ts";
import { describeChange } from "../journal/recorded-change.ts";
import type { SagaOutcome } from "../swap/saga.ts";
import type { UpdateEntry, Run } from "../updater.ts";
import { type ResultDetails, finishContainer } from "./finish-container.ts";
import { cleanUpImage } from "./image-cleanup.ts";
import { runLifecycleCommand } from "./lifecycle-command.ts";
import {
  type LinkedUpdate,
  type TransactionMember,
  findUpdatedChildren,
  resultInTransaction,
} from "./linked-updates.ts";
import type { UpdatedContainer } from "./replace-hooks.ts";

/** A container's swap, how that ended, and the updates that are linked to it. */
export interface Transaction extends TransactionMember {
  readonly outcome: SagaOutcome;
  /** The updates that were planned in the same transaction. */
  readonly linkedUpdates: readonly LinkedUpdate[];
  readonly atMost: number | undefined;
}

export type TransactionEnd =
  | {
      readonly kind: "kept";
      readonly because: string;
      readonly members: readonly (TransactionMember & UpdatedContainer)[];
    }
  /** Nothing of the transaction stays. `ending` is the culprit's. */
  | { readonly kind: "put back"; readonly culprit: string; readonly ending: ResultDetails }
  /** The update is dropped; those that are linked to it have their own turn. */
  | { readonly kind: "dropped"; readonly end: "expired" | "deferred"; readonly because: string };

/** The record of a child's ids tells a later process that the child was updated in this run. */
export async function recordSwapped(run: Run, transaction: Transaction): Promise<void> {
  const recordOf = ({ swap: { name }, timed }: TransactionMember) =>
    ({ kind: "swapped", container: name, steps: timed?.steps ?? [], ...timed?.downtime }) as const;
  await run.journal.write(recordOf(transaction));
  for (const child of findUpdatedChildren(transaction)) {
    const { name: container, old, newImage, successor = "" } = child.swap;
    const ids = { old_id: old.Id, new_id: successor, to: newImage.Id };
    await run.journal.write({ kind: "swapping", container, ...ids });
    await run.journal.write(recordOf(child));
  }
}

export async function recordEnd(run: Run, transaction: Transaction, end: TransactionEnd): Promise<void> {
  switch (end.kind) {
    case "kept":
      return recordKept(run, end);
    case "put back":
      return recordPutBack(run, transaction, end);
    case "dropped":
      return finishContainer(run, transaction.entry, { end: end.end, because: end.because, by: "updater" });
  }
}

async function recordKept(
  run: Run,
  { members, because }: TransactionEnd & { readonly kind: "kept" },
): Promise<void> {
  for (const { entry, swap, successor, timed } of members) {
    await runLifecycleCommand(run, "post-update", { container: swap.old, id: successor.Id });
    await cleanUpImage(run, swap);
    await finishContainer(run, entry, {
      end: "updated",
      because,
      by: "updater",
      ...describeChange(swap.oldImage, swap.newImage, swap.old.Config.Image),
      ...timed?.downtime,
    });
  }
}

async function recordPutBack(
  run: Run,
  { swap, timed, entry, linkedUpdates }: Transaction,
  { culprit, ending }: TransactionEnd & { readonly kind: "put back" },
): Promise<void> {
  const resultFor = ({ facts: { name } }: UpdateEntry): ResultDetails => {
    const { replacement, kept } = swap.dependants.find((dependant) => dependant.name === name) ?? {};
    if (replacement === undefined) return resultInTransaction(name, culprit, ending);
    return { end: "expired", because: describeReplacement(replacement, kept), by: "updater" };
  };
  await finishContainer(run, entry, {
    ...timed?.downtime,
    ...(timed && ending.decided === undefined && { steps: timed.steps }),
    ...resultFor(entry),
    ...describeChange(swap.oldImage, swap.newImage, swap.old.Config.Image),
  });
  for (const { update } of linkedUpdates)
    await finishContainer(run, update, {
      ...resultFor(update),
      ...{ from: update.facts.imageId, to: update.newImage.Id },
    });
}
