// One container of a run: ask, replace, prove, ask again, remove the old one. Each way out is a named end.
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";
import { ifThere, isAway } from "../../shared/engine.ts";
import { Expired, Fenced, Suspended, explain } from "../../shared/errors.ts";
import { parseImageRef } from "../../shared/image-ref.ts";
import type { Decided } from "../../shared/run-records.ts";
import { cleanUp } from "./cleanup.ts";
import { byHand } from "./by-hand.ts";
import { keepDocument } from "./documents.ts";
import { type Ending, endContainer } from "./ends.ts";
import type { ContainerDocument, ImageDocument } from "./inspect.ts";
import { runLifecycle } from "./lifecycle.ts";
import { proofOf } from "./prove.ts";
import { askAfter, askBefore, removeOld } from "./replace-hooks.ts";
import { type Outcome, runSteps, undoSteps } from "./saga.ts";
import { handBack, handOver, isOwn, noteSuccessor } from "./self-update.ts";
import { type HardHooks, type Swap, replacementOf } from "./swap.ts";
import { harmless } from "./swap-steps.ts";
import { Timed } from "./timed.ts";
import type { Entry, Run } from "./updater.ts";

interface Replacing {
  readonly entry: Entry;
  readonly newImage: ImageInspectInfo;
  readonly atMost: number | undefined;
  /** Ids of the dependencies that the group stopped. */
  readonly stopped: readonly string[];
  readonly hardHooks: HardHooks | undefined;
}

/** Ends the container: the journal and the held digests say how. @throws Suspended, Fenced, Expired */
export async function replaceContainer(run: Run, it: Replacing): Promise<void> {
  const id = run.replaced.get(it.entry.facts.id) ?? it.entry.facts.id; // it may have been recreated with its parent
  const before = await inspectStill(run, it, id);
  const { entry, newImage } = it;
  const decided = await askBefore(run, { ...it, name: entry.facts.name, old: before });
  if (decided.verdict !== "proceed")
    await endContainer(run, entry, endOf(decided, before.Image, newImage.Id));
  else if (isOwn(run, id))
    await handOver(run, { facts: await inspectStill(run, it, id), entry, image: newImage.Id });
  else await swapContainer(run, it, id);
}

/** What the gate was asked about may have changed while it waited: everything is looked at anew. */
async function swapContainer(run: Run, it: Replacing, id: string): Promise<void> {
  const inspect = await inspectStill(run, it, id);
  const later = await runLifecycle(run, "pre-update", {
    container: inspect as unknown as ContainerDocument,
    id: inspect.Id,
  });
  if (later !== undefined)
    return endContainer(run, it.entry, {
      end: "deferred",
      because: later,
      by: "pre-update",
      from: inspect.Image,
      to: it.newImage.Id,
    });
  const oldImage = await run.bus.host.engine.docker.getImage(inspect.Image).inspect();
  using place = new Lease();
  const swap = swapFrom(run, it, { inspect, oldImage, place });
  const timed = watch(run, it.entry);
  const outcome = await runSteps(run.steps, swap, timed);
  place[Symbol.dispose]();
  await afterSwap(run, { ...it, swap, outcome, timed });
}

const watch = ({ bus, log, hardStop }: Run, entry: Entry): Timed =>
  new Timed({ clock: bus.clock, log: log.child({ container: entry.facts.name }), hardStop });

/** @throws Expired where its owner removed, replaced or stopped it meanwhile. */
async function inspectStill(
  run: Run,
  { entry, stopped }: Replacing,
  id: string,
): Promise<ContainerInspectInfo> {
  const { name } = entry.facts;
  const inspect = await ifThere(run.bus.host.engine.docker.getContainer(id).inspect());
  if (inspect === undefined) throw new Expired("somebody removed or replaced it meanwhile");
  if (inspect.Name !== `/${name}`)
    throw new Expired(`somebody renamed it to ${inspect.Name.slice(1)} meanwhile`);
  if (!inspect.State.Running && !stopped.includes(entry.facts.id))
    throw new Expired("somebody stopped it meanwhile");
  if (inspect.State.Paused) throw new Expired("somebody paused it meanwhile");
  return inspect;
}

interface Swapped {
  readonly entry: Entry;
  readonly swap: Swap;
  readonly outcome: Outcome;
  readonly timed?: Timed;
  readonly atMost: number | undefined;
}

/** From the swap's outcome to the container's end; also where an earlier process did the swap. @throws Expired */
export async function afterSwap(run: Run, it: Swapped): Promise<void> {
  const { entry, swap, outcome, timed } = it;
  const change = { from: swap.old.Image, to: swap.newImage.Id };
  switch (outcome.kind) {
    case "done":
      await run.journal.write({
        kind: "swapped",
        container: swap.name,
        steps: timed?.steps ?? [],
        ...timed?.downtime,
      });
      return confirm(run, it);
    case "undone": {
      const { cause, failed } = outcome;
      if (cause instanceof Fenced || cause instanceof Expired) throw cause;
      if (cause instanceof Suspended || run.hardStop.aborted)
        throw new Suspended(`put back "${failed}"`, { cause });
      await expectOld(swap);
      const untouched = harmless.includes(failed);
      const because = `"${failed}" failed: ${explain(cause)}`;
      return endContainer(run, entry, {
        end: untouched ? "failed" : "rolled_back",
        because,
        by: "updater",
        isPassing: isAway(cause) || timed?.hadToWait === true,
        ...change,
        ...timed?.downtime,
      });
    }
    case "stuck":
      if (run.hardStop.aborted)
        throw new Suspended("stopped while it was put back", { cause: outcome.cause });
      return endContainer(run, entry, {
        end: "stuck",
        because: byHand(swap, outcome),
        by: "updater",
        ...change,
      });
  }
}

/** The new container runs and proved itself: after_update decides whether it stays. */
async function confirm(run: Run, it: Swapped): Promise<void> {
  const { entry, swap, timed } = it;
  const { engine } = run.bus.host;
  if (isOwn(run, swap.successor)) await noteSuccessor(run, swap);
  const successor = await engine.docker.getContainer(swap.successor ?? swap.name).inspect();
  const old = await engine.docker
    .getContainer(swap.old.Id)
    .inspect()
    .catch(() => swap.old as unknown as ContainerInspectInfo);
  const after = { swap, old, successor, atMost: it.atMost };
  const decided = await askAfter(run, after);
  const change = { from: swap.old.Image, to: swap.newImage.Id, ...timed?.downtime };
  if (decided.verdict !== "proceed")
    return isOwn(run, successor.Id) ? handBack(run, swap, successor) : putBack(run, it, decided);
  const because = await removeOld(run, after);
  await runLifecycle(run, "post-update", { container: swap.old, id: successor.Id });
  await cleanUp(run, swap);
  await endContainer(run, entry, {
    end: "updated",
    because,
    by: "updater",
    ...change,
  });
}

async function putBack(run: Run, { entry, swap }: Swapped, decided: Decided): Promise<void> {
  using _place = await run.places.take();
  await run.fence.check();
  const failures = await undoSteps(run.steps, swap, watch(run, entry));
  if (run.hardStop.aborted && failures.length > 0) throw new Suspended("stopped while it was put back");
  await expectOld(swap);
  const change = { from: swap.old.Image, to: swap.newImage.Id };
  const said = `${decided.verdict} at after_update: ${decided.reason ?? "no reason given"}`;
  const stuck = {
    end: "stuck",
    because: byHand(swap, { failed: "put the old container back", cause: said, left: failures }),
    by: "updater",
  } as const;
  const back = { end: "rolled_back", because: said, by: decided.by ?? "", decided } as const;
  await endContainer(run, entry, { ...(failures.length > 0 ? stuck : back), ...change });
}

/** @throws Expired where somebody put another container in its place: there is nothing to be put back. */
async function expectOld(swap: Swap): Promise<void> {
  const replacement = await replacementOf(swap);
  if (replacement !== undefined)
    throw new Expired(`somebody replaced it meanwhile, by ${replacement.slice(0, 12)}`);
}

function swapFrom(
  run: Run,
  it: Replacing,
  old: { inspect: ContainerInspectInfo; oldImage: ImageInspectInfo; place: Lease },
): Swap {
  const { entry, newImage, hardHooks } = it;
  const { host, context, clock } = run.bus;
  const document = old.inspect as unknown as ContainerDocument;
  return {
    engine: host.engine,
    clock,
    run: run.journal.run,
    name: entry.facts.name,
    old: document,
    oldImage: old.oldImage as unknown as ImageDocument,
    newImage: newImage as unknown as ImageDocument,
    ...(parseImageRef(document.Config.Image)?.familiar !== entry.ref.familiar && {
      reference: entry.ref.familiar,
    }),
    proof: proofOf(document, { settings: context.settings, log: run.log, hardStop: run.hardStop }),
    replaced: run.replaced,
    making: run.making,
    references: run.references,
    ran: run.ran,
    hardHooks,
    successor: undefined,
    dependants: [],
    beforeStop: async (successor) => {
      old.place.take(await run.places.take());
      if (run.bus.signal.aborted) throw new Suspended("stopped before anything was touched");
      await inspectStill(run, it, document.Id);
      await keepDocument(context.settings.DATA_DIR, run.journal.run, document);
      await run.journal.write({
        kind: "swapping",
        container: entry.facts.name,
        old_id: document.Id,
        new_id: successor,
        to: newImage.Id,
      });
      await run.fence.check();
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

function endOf(decided: Decided, from: string, to: string): Ending {
  const end = decided.verdict === "defer" ? "deferred" : "refused";
  return { end, because: decided.reason ?? "no reason given", by: decided.by ?? "", decided, from, to };
}
