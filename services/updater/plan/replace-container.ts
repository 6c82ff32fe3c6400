// One container of a run: ask, look again, replace. What follows is conclude-swap.ts's.
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";
import { ifExists } from "../../../shared/docker/engine.ts";
import { Expired, Suspended } from "../../../shared/errors.ts";
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
import { type ContainerDocument, type ImageDocument, namespaceParents } from "../create/inspect.ts";
import { swapResourcesOf } from "./swap-resources.ts";
import { makeVerificationOptions } from "../swap/verify-container.ts";
import { runSteps } from "../swap/saga.ts";
import { startSelfUpdate, isThisContainer } from "./self-update.ts";
import type { HardDependencyHooks, Swap } from "../swap/swap.ts";
import type { Run, Update } from "../updater.ts";

interface ReplaceRequest {
  readonly update: Update;
  /** What else its group updates. */
  readonly others: readonly Update[];
  readonly atMost: number | undefined;
  /** Ids of the dependencies that the group stopped. */
  readonly stopped: readonly string[];
  readonly hardHooks: HardDependencyHooks | undefined;
}

/** Ends the container: the journal and the held digests say how. @throws Suspended, Fenced, Expired */
export async function replaceContainer(run: Run, it: ReplaceRequest): Promise<void> {
  const { update } = it;
  const id = run.replaced.get(update.facts.id) ?? update.facts.id; // it may have been recreated with its parent
  const before = await inspectUnchanged(run, it, id);
  if (!(await isUpdateAllowed(run, it, before))) return;
  if (isThisContainer(run, id))
    return startSelfUpdate(run, {
      facts: await inspectUnchanged(run, it, id),
      entry: update,
      image: update.newImage.Id,
    });
  await swapContainer(run, { ...it, linkedUpdates: await findLinkedUpdates(run, it, before) }, id);
}

type LinkedReplaceRequest = ReplaceRequest & { readonly linkedUpdates: readonly LinkedUpdate[] };

/** What the gate was asked about may have changed while it waited, or while another acted: everything is looked at anew. */
async function swapContainer(run: Run, it: LinkedReplaceRequest, id: string): Promise<void> {
  await run.bus.lease.hold(run.bus);
  const inspect = await inspectUnchanged(run, it, id);
  const oldImage = await run.bus.host.engine.docker.getImage(inspect.Image).inspect();
  if (!(await isPreUpdateDone(run, it.update, inspect))) return;
  using place = new SemaphoreHold();
  const swap = buildSwap(run, it, { inspect, oldImage, place });
  const timed = createSwapTimer(run, it.update);
  const outcome = await runSteps(run.steps, swap, timed);
  if (outcome.kind === "done") place[Symbol.dispose](); // who comes next sees the end of one that went wrong
  await concludeSwap(run, { ...it, entry: it.update, swap, outcome, timed });
}

/** @throws Expired where its owner removed, replaced or stopped it meanwhile. */
async function inspectUnchanged(
  run: Run,
  { update, stopped }: ReplaceRequest,
  id: string,
): Promise<ContainerInspectInfo> {
  const { name } = update.facts;
  const inspect = await ifExists(run.bus.host.engine.docker.getContainer(id).inspect());
  if (inspect === undefined) throw new Expired("somebody removed or replaced it meanwhile");
  if (inspect.Name !== `/${name}`)
    throw new Expired(`somebody renamed it to ${inspect.Name.slice(1)} meanwhile`);
  if (!inspect.State.Running && !stopped.includes(update.facts.id))
    throw new Expired("somebody stopped it meanwhile");
  if (inspect.State.Paused) throw new Expired("somebody paused it meanwhile");
  return inspect;
}

/**
 * A container whose network, pid or ipc namespace is that of another runs on when that one ends, and cannot be started again:
 * neither the new one nor the old one. @throws where that is so, before anything is stopped.
 */
async function expectStartable(run: Run, inspect: ContainerInspectInfo): Promise<void> {
  for (const named of namespaceParents(inspect)) {
    const id = run.replaced.get(named) ?? named;
    const parent = await ifExists(run.bus.host.engine.docker.getContainer(id).inspect());
    if (parent?.State.Running) continue;
    const state = parent === undefined ? "is gone" : `is ${parent.State.Status}`;
    throw new Error(
      `it refers to the container ${named}, which ${state}, and could not be started again: start that one, or recreate this one`,
    );
  }
}

function buildSwap(
  run: Run,
  it: LinkedReplaceRequest,
  old: { inspect: ContainerInspectInfo; oldImage: ImageInspectInfo; place: SemaphoreHold },
): Swap {
  const { update, hardHooks } = it;
  const { host, context, clock } = run.bus;
  const document = old.inspect as unknown as ContainerDocument;
  const oldImage = old.oldImage as unknown as ImageDocument;
  const by = { settings: context.settings, log: run.log, hardStop: run.hardStop };
  const verificationFor = (container: ContainerDocument, image: ImageDocument) =>
    makeVerificationOptions(container, image, by);
  return {
    engine: host.engine,
    clock,
    run: run.journal.run,
    name: update.facts.name,
    old: document,
    oldImage,
    newImage: update.newImage as unknown as ImageDocument,
    ...findNewReference(update),
    verification: verificationFor(document, oldImage),
    verificationFor,
    linkedSwaps: describeLinkedSwaps(it.linkedUpdates),
    replaced: run.replaced,
    tagSemaphore: run.tagSemaphore,
    references: run.references,
    ran: run.ran,
    hardHooks,
    ...swapResourcesOf(run),
    successor: undefined,
    dependants: [],
    beforeStop: async (successor) => {
      old.place.take(await run.swapSemaphore.take({ first: it.stopped.length > 0 }));
      if (run.bus.signal.aborted) throw new Suspended("stopped before anything was touched");
      expectBelowFailureLimit(run);
      await expectStartable(run, await inspectUnchanged(run, it, document.Id));
      await run.journal.write({
        kind: "swapping",
        container: update.facts.name,
        old_id: document.Id,
        new_id: successor,
        to: update.newImage.Id,
      });
      await run.fence.check(run.bus.signal);
    },
  };
}

/** A place that is taken later, and given back at the latest at the end of the scope. */
class SemaphoreHold implements Disposable {
  #held: Disposable | undefined;

  take(place: Disposable): void {
    this.#held = place;
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }
}
