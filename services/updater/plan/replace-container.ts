// Updates one container of a run: asks, inspects it again, runs the swap. What follows is in conclude-swap.ts.
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { Expired, Suspended } from "../../../shared/errors.ts";
import { messageOf, reasonOf } from "../../../shared/catalogue/entry.ts";
import { changedMeanwhile, updateFailures } from "../../../shared/catalogue/update-failures.ts";
import { concludeSwap } from "./conclude-swap.ts";
import { isUpdateAllowed, isPreUpdateDone } from "./before-update.ts";
import {
  type LinkedUpdate,
  findLinkedUpdates,
  findNewReference,
  describeLinkedSwaps,
  createSwapTimer,
} from "./linked-updates.ts";
import { expectBelowFailureLimit } from "./failure-limit.ts";
import { namespaceParents } from "../create/inspect.ts";
import { makeSwapContext } from "./swap-resources.ts";
import { runSteps } from "../swap/saga.ts";
import { startSelfUpdate, isThisContainer } from "./self-update.ts";
import { type HardDependencyHooks, type Swap, makeSwap } from "../swap/swap-state.ts";
import type { Run, Update } from "../updater.ts";

interface ReplaceRequest {
  readonly update: Update;
  /** The other updates of its group. */
  readonly others: readonly Update[];
  readonly atMost: number | undefined;
  /** Ids of the dependencies that the group stopped. */
  readonly stopped: readonly string[];
  readonly hardHooks: HardDependencyHooks | undefined;
}

/**
 * Updates or otherwise ends the container, as the journal and the held digests record. @throws Suspended, Fenced,
 * Expired
 */
export async function replaceContainer(run: Run, request: ReplaceRequest): Promise<void> {
  const { update } = request;
  const id = run.replaced.get(update.facts.id) ?? update.facts.id; // the swap of its parent may have recreated it
  const before = await inspectUnchanged(run, request, id);
  if (!(await isUpdateAllowed(run, request, before))) return;
  if (isThisContainer(run, id))
    return startSelfUpdate(run, {
      facts: await inspectUnchanged(run, request, id),
      entry: update,
      image: update.newImage.Id,
    });
  await swapContainer(run, { ...request, linkedUpdates: await findLinkedUpdates(run, request, before) }, id);
}

type LinkedReplaceRequest = ReplaceRequest & { readonly linkedUpdates: readonly LinkedUpdate[] };

/** The container may have changed while the gate waited or another updater acted, so it is inspected again. */
async function swapContainer(run: Run, request: LinkedReplaceRequest, id: string): Promise<void> {
  await run.bus.lease.hold(run.bus);
  const inspect = await inspectUnchanged(run, request, id);
  const oldImage = await run.bus.host.engine.docker.getImage(inspect.Image).inspect();
  if (!(await isPreUpdateDone(run, request.update, inspect))) return;
  using slot = new SemaphoreHold();
  const swap = buildSwap(run, request, { inspect, oldImage, slot });
  const timed = createSwapTimer(run, request.update);
  const outcome = await runSteps(run.steps, swap, timed);
  if (outcome.kind === "done") slot[Symbol.dispose](); // after a failure the next one must wait until the end is recorded
  await concludeSwap(run, { ...request, entry: request.update, swap, outcome, timed });
}

/** @throws Expired if the owner removed, replaced, renamed, stopped or paused it meanwhile. */
async function inspectUnchanged(
  run: Run,
  { update, stopped }: ReplaceRequest,
  id: string,
): Promise<ContainerInspection> {
  const { name } = update.facts;
  const inspect = await ifExists(run.bus.host.engine.docker.getContainer(id).inspect());
  if (inspect === undefined) throw new Expired(reasonOf(changedMeanwhile.removedOrReplaced));
  if (inspect.Name !== `/${name}`)
    throw new Expired(reasonOf(changedMeanwhile.renamed, { name: inspect.Name.slice(1) }));
  if (!inspect.State.Running && !stopped.includes(update.facts.id))
    throw new Expired(reasonOf(changedMeanwhile.stopped));
  if (inspect.State.Paused) throw new Expired(reasonOf(changedMeanwhile.paused));
  return inspect;
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

function buildSwap(
  run: Run,
  request: LinkedReplaceRequest,
  {
    inspect: old,
    oldImage,
    slot,
  }: { inspect: ContainerInspection; oldImage: ImageInspection; slot: SemaphoreHold },
): Swap {
  const { update } = request;
  const context = makeSwapContext(run, request.hardHooks);
  return makeSwap(context, {
    name: update.facts.name,
    old,
    oldImage,
    newImage: update.newImage,
    ...findNewReference(update),
    verification: context.verificationFor(old, oldImage),
    linkedSwaps: describeLinkedSwaps(request.linkedUpdates),
    beforeStop: {
      awaitTurn: async () => {
        slot.take(await run.swapSemaphore.take({ first: request.stopped.length > 0 }));
        if (run.bus.signal.aborted) throw new Suspended("stopped before anything was touched");
        expectBelowFailureLimit(run);
        await expectStartable(run, await inspectUnchanged(run, request, old.Id));
      },
      recordIntent: async (successor) => {
        const [container, to] = [update.facts.name, update.newImage.Id];
        await run.journal.write({ kind: "swapping", container, old_id: old.Id, new_id: successor, to });
      },
      checkLock: () => run.fence.check(run.bus.signal),
    },
  });
}

/** A semaphore slot that is taken later, and released at the end of the scope at the latest. */
class SemaphoreHold implements Disposable {
  #held: Disposable | undefined;

  take(slot: Disposable): void {
    this.#held = slot;
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }
}
