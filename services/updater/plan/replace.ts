// One container of a run: ask, look again, replace. What follows is after-swap.ts's.
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";
import { ifThere } from "../../../shared/engine.ts";
import { Expired, Suspended } from "../../../shared/errors.ts";
import { parseImageRef } from "../../../shared/image-ref.ts";
import type { Decided } from "../../../shared/run-records.ts";
import { afterSwap, timedFor } from "./after-swap.ts";
import { changeOf } from "../journal/change.ts";
import { keepDocument } from "../journal/documents.ts";
import { endContainer, endOfVerdict } from "./ends.ts";
import { expectGoingOn } from "./halt.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { runLifecycle } from "./lifecycle.ts";
import { proofOf } from "../swap/prove.ts";
import { askBefore } from "./replace-hooks.ts";
import { runSteps } from "../swap/saga.ts";
import { handOver, isOwn } from "../self/self-update.ts";
import type { HardHooks, Swap } from "../swap/swap.ts";
import type { Entry, Run } from "../updater.ts";

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
  if (decided.verdict !== "proceed") await endOnVerdict(run, it, before, decided);
  else if (isOwn(run, id))
    await handOver(run, { facts: await inspectStill(run, it, id), entry, image: newImage.Id });
  else await swapContainer(run, it, id);
}

/** What the gate was asked about may have changed while it waited: everything is looked at anew. */
async function swapContainer(run: Run, it: Replacing, id: string): Promise<void> {
  const inspect = await inspectStill(run, it, id);
  const oldImage = await run.bus.host.engine.docker.getImage(inspect.Image).inspect();
  const later = await runLifecycle(run, "pre-update", {
    container: inspect as unknown as ContainerDocument,
    id: inspect.Id,
  });
  if (later !== undefined) {
    await putOff(run, it, { because: later, oldImage });
    return;
  }
  using place = new Lease();
  const swap = swapFrom(run, it, { inspect, oldImage, place });
  const timed = timedFor(run, it.entry);
  const outcome = await runSteps(run.steps, swap, timed);
  if (outcome.kind === "done") place[Symbol.dispose](); // who comes next sees the end of one that went wrong
  await afterSwap(run, { ...it, swap, outcome, timed });
}

async function putOff(
  run: Run,
  { entry, newImage }: Replacing,
  { because, oldImage }: { readonly because: string; readonly oldImage: ImageInspectInfo },
): Promise<void> {
  const change = changeOf(oldImage, newImage);
  await endContainer(run, entry, { end: "deferred", because, by: "pre-update", ...change });
}

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
      await keepDocument({ ...context, host }, run.journal.run, document);
      old.place.take(await run.places.take({ first: it.stopped.length > 0 }));
      if (run.bus.signal.aborted) throw new Suspended("stopped before anything was touched");
      expectGoingOn(run);
      await inspectStill(run, it, document.Id);
      await run.journal.write({
        kind: "swapping",
        container: entry.facts.name,
        old_id: document.Id,
        new_id: successor,
        to: newImage.Id,
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

async function endOnVerdict(
  run: Run,
  { entry, newImage }: Replacing,
  { Image: oldImageId }: ContainerInspectInfo,
  decided: Decided,
): Promise<void> {
  const oldImage = await run.bus.host.engine.docker.getImage(oldImageId).inspect();
  await endContainer(run, entry, { ...endOfVerdict(decided), ...changeOf(oldImage, newImage) });
}
