// Replaces a container whose update is approved: builds its swap and runs the steps, the last of which verify it.
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { Expired, Suspended } from "../../../shared/errors.ts";
import { messageOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import {
  type LinkedUpdate,
  findNewReference,
  describeLinkedSwaps,
  createSwapTimer,
} from "./linked-updates.ts";
import { expectBelowFailureLimit } from "./failure-limit.ts";
import { namespaceParents } from "../create/inspect.ts";
import type { Transaction } from "./record-end.ts";
import { makeSwapContext } from "./swap-resources.ts";
import { lookAgain } from "./unchanged-container.ts";
import { runSteps } from "../swap/saga.ts";
import { type HardDependencyHooks, type Swap, makeSwap } from "../swap/swap-state.ts";
import type { SemaphoreHold } from "../semaphore.ts";
import type { Run, Update } from "../updater.ts";

export interface UpdateRequest {
  readonly update: Update;
  /** The other updates of its group. */
  readonly others: readonly Update[];
  readonly atMost: number | undefined;
  /** Ids of the dependencies that the group stopped. */
  readonly stopped: readonly string[];
  readonly hardHooks: HardDependencyHooks | undefined;
}

/** What every hook and command agreed to. */
export interface ApprovedUpdate extends UpdateRequest {
  readonly inspect: ContainerInspection;
  readonly oldImage: ImageInspection;
  readonly linkedUpdates: readonly LinkedUpdate[];
}

/** Resolves with how the swap ended: done and verified, undone, or stuck. */
export async function replaceContainer(
  run: Run,
  approved: ApprovedUpdate,
  slot: SemaphoreHold,
): Promise<Transaction> {
  const { update: entry, linkedUpdates, atMost } = approved;
  const swap = buildSwap(run, approved, slot);
  const timed = createSwapTimer(run, entry);
  const outcome = await runSteps(run.steps, swap, timed);
  return { entry, linkedUpdates, atMost, swap, outcome, timed };
}

function buildSwap(run: Run, approved: ApprovedUpdate, slot: SemaphoreHold): Swap {
  const { update, inspect: old, oldImage } = approved;
  const context = makeSwapContext(run, approved.hardHooks);
  return makeSwap(context, {
    name: update.facts.name,
    old,
    oldImage,
    newImage: update.newImage,
    ...findNewReference(update),
    verification: context.verificationFor(old, oldImage),
    linkedSwaps: describeLinkedSwaps(approved.linkedUpdates),
    beforeStop: {
      awaitTurn: async () => {
        slot.take(await run.swapSemaphore.take({ first: approved.stopped.length > 0 }));
        if (run.bus.signal.aborted) throw new Suspended("stopped before anything was touched");
        expectBelowFailureLimit(run);
        const look = await lookAgain(run, approved, old.Id);
        if (look.changed !== undefined) throw new Expired(look.changed);
        await expectStartable(run, look.inspect);
      },
      recordIntent: async (successor) => {
        const [container, to] = [update.facts.name, update.newImage.Id];
        await run.journal.write({ kind: "swapping", container, old_id: old.Id, new_id: successor, to });
      },
      checkLock: () => run.fence.check(run.bus.signal),
    },
  });
}

/**
 * A container that shares the network, pid or ipc namespace of another keeps running when the other ends, but cannot
 * be started again, neither the new one nor the old one. @throws if that is so, before anything is stopped.
 */
async function expectStartable(run: Run, inspect: ContainerInspection): Promise<void> {
  for (const reference of namespaceParents(inspect)) {
    const id = run.replaced.get(reference) ?? reference;
    const parent = await ifExists(run.bus.host.engine.docker.getContainer(id).inspect());
    if (parent?.State.Running) continue;
    const state = parent === undefined ? "is gone" : `is ${parent.State.Status}`;
    throw new Error(messageOf(updateFailures.cannotStartAgain, { parent: reference, state }));
  }
}
