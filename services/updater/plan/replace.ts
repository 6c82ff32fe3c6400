// One container of a run: ask, look again, replace. What follows is after-swap.ts's.
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";
import { ifThere } from "../../../shared/engine.ts";
import { Expired, Suspended } from "../../../shared/errors.ts";
import { afterSwap } from "./after-swap.ts";
import { isAllowed, isReady } from "./allowed.ts";
import { type Companion, companionsOf, referenceOf, swapsAlong, timedFor } from "./along.ts";
import { expectGoingOn } from "./halt.ts";
import { type ContainerDocument, type ImageDocument, namespaceParents } from "../create/inspect.ts";
import { keepingOf } from "./keeping.ts";
import { proofOf } from "../swap/prove.ts";
import { runSteps } from "../swap/saga.ts";
import { handOver, isOwn } from "../self/self-update.ts";
import type { HardHooks, Swap } from "../swap/swap.ts";
import type { Run, Update } from "../updater.ts";

interface Replacing {
  readonly update: Update;
  /** What else its group updates. */
  readonly others: readonly Update[];
  readonly atMost: number | undefined;
  /** Ids of the dependencies that the group stopped. */
  readonly stopped: readonly string[];
  readonly hardHooks: HardHooks | undefined;
}

/** Ends the container: the journal and the held digests say how. @throws Suspended, Fenced, Expired */
export async function replaceContainer(run: Run, it: Replacing): Promise<void> {
  const { update } = it;
  const id = run.replaced.get(update.facts.id) ?? update.facts.id; // it may have been recreated with its parent
  const before = await inspectStill(run, it, id);
  if (!(await isAllowed(run, it, before))) return;
  if (isOwn(run, id))
    return handOver(run, {
      facts: await inspectStill(run, it, id),
      entry: update,
      image: update.newImage.Id,
    });
  await swapContainer(run, { ...it, along: await companionsOf(run, it, before) }, id);
}

type Together = Replacing & { readonly along: readonly Companion[] };

/** What the gate was asked about may have changed while it waited, or while another acted: everything is looked at anew. */
async function swapContainer(run: Run, it: Together, id: string): Promise<void> {
  await run.bus.lease.hold(run.bus);
  const inspect = await inspectStill(run, it, id);
  const oldImage = await run.bus.host.engine.docker.getImage(inspect.Image).inspect();
  if (!(await isReady(run, it.update, inspect))) return;
  using place = new Lease();
  const swap = swapFrom(run, it, { inspect, oldImage, place });
  const timed = timedFor(run, it.update);
  const outcome = await runSteps(run.steps, swap, timed);
  if (outcome.kind === "done") place[Symbol.dispose](); // who comes next sees the end of one that went wrong
  await afterSwap(run, { ...it, entry: it.update, swap, outcome, timed });
}

/** @throws Expired where its owner removed, replaced or stopped it meanwhile. */
async function inspectStill(
  run: Run,
  { update, stopped }: Replacing,
  id: string,
): Promise<ContainerInspectInfo> {
  const { name } = update.facts;
  const inspect = await ifThere(run.bus.host.engine.docker.getContainer(id).inspect());
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
    const parent = await ifThere(run.bus.host.engine.docker.getContainer(id).inspect());
    if (parent?.State.Running) continue;
    const state = parent === undefined ? "is gone" : `is ${parent.State.Status}`;
    throw new Error(
      `it refers to the container ${named}, which ${state}, and could not be started again: start that one, or recreate this one`,
    );
  }
}

function swapFrom(
  run: Run,
  it: Together,
  old: { inspect: ContainerInspectInfo; oldImage: ImageInspectInfo; place: Lease },
): Swap {
  const { update, hardHooks } = it;
  const { host, context, clock } = run.bus;
  const document = old.inspect as unknown as ContainerDocument;
  const oldImage = old.oldImage as unknown as ImageDocument;
  const proofFor = (container: ContainerDocument, image: ImageDocument) =>
    proofOf(container, image, { settings: context.settings, log: run.log, hardStop: run.hardStop });
  return {
    engine: host.engine,
    clock,
    run: run.journal.run,
    name: update.facts.name,
    old: document,
    oldImage,
    newImage: update.newImage as unknown as ImageDocument,
    ...referenceOf(update),
    proof: proofFor(document, oldImage),
    proofFor,
    along: swapsAlong(it.along),
    replaced: run.replaced,
    making: run.making,
    references: run.references,
    ran: run.ran,
    hardHooks,
    ...keepingOf(run),
    successor: undefined,
    dependants: [],
    beforeStop: async (successor) => {
      old.place.take(await run.places.take({ first: it.stopped.length > 0 }));
      if (run.bus.signal.aborted) throw new Suspended("stopped before anything was touched");
      expectGoingOn(run);
      await expectStartable(run, await inspectStill(run, it, document.Id));
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
class Lease implements Disposable {
  #held: Disposable | undefined;

  take(place: Disposable): void {
    this.#held = place;
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }
}
