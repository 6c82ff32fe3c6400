// From how a swap went to the container's end: asked about, kept and cleaned up, or put back, and what was updated with it
// likewise (along.ts: A3). Each way out is a named end.
import type { ContainerInspectInfo } from "dockerode";
import { GONE, ifThere, isAway, isLeftByCrash, statusOf } from "../../../shared/engine.ts";
import { Expired, Fenced, Halted, Suspended, explain } from "../../../shared/errors.ts";
import { byHand } from "../swap/by-hand.ts";
import { changeOf } from "../journal/change.ts";
import { type Companion, type Member, childrenOf, endingOf, timedFor } from "./along.ts";
import { cleanUp } from "./cleanup.ts";
import { type Ending, endContainer, endOfRefused } from "./ends.ts";
import { runLifecycle } from "./lifecycle.ts";
import { type After, askAfter, removeOld } from "./replace-hooks.ts";
import { NotRecreated } from "../swap/recreate.ts";
import { type SagaOutcome, undoSteps } from "../swap/saga.ts";
import { handBack, isOwn, noteSuccessor } from "../self/self-update.ts";
import { sayReplaced } from "../swap/adopted.ts";
import { DOWN, type Swap } from "../swap/swap.ts";
import { harmless } from "../swap/swap-steps.ts";
import { expectNotYielded, lookForReplacement } from "../swap/yield.ts";
import type { UpdateEntry, Run } from "../updater.ts";

interface Swapped extends Member {
  readonly outcome: SagaOutcome;
  /** What was to be updated with it. */
  readonly along: readonly Companion[];
  readonly atMost: number | undefined;
}

/** From the swap's outcome to the container's end; also where an earlier process did the swap. @throws Expired */
export async function afterSwap(run: Run, it: Swapped): Promise<void> {
  const { swap, outcome } = it;
  switch (outcome.kind) {
    case "done":
      await recordSwapped(run, it);
      return confirm(run, it);
    case "undone": {
      const { cause, failed } = outcome;
      if ([Fenced, Expired, Halted].some((kind) => cause instanceof kind)) throw cause;
      if (cause instanceof Suspended || run.hardStop.aborted)
        throw new Suspended(`put back "${failed}"`, { cause });
      await expectNotYielded(swap);
      const culprit = cause instanceof NotRecreated ? cause.container : swap.name;
      return endAll(run, it, isAlong(it, culprit) ? culprit : swap.name, {
        end: harmless.includes(failed) ? "failed" : "rolled_back",
        because: `"${failed}" failed: ${explain(cause)}`,
        by: "updater",
        isPassing: isPassing(cause) || it.timed?.hadToWait === true,
      });
    }
    case "stuck":
      if (run.hardStop.aborted)
        throw new Suspended("stopped while it was put back", { cause: outcome.cause });
      return endAll(run, it, swap.name, { end: "stuck", because: byHand(swap, outcome), by: "updater" });
  }
}

/** No matter of its image: a prune may have taken the new container or its network. */
const isPassing = (cause: unknown): boolean =>
  isAway(cause) || isLeftByCrash(cause) || statusOf(cause) === GONE;

const isAlong = ({ along }: Swapped, name: string): boolean =>
  along.some(({ update }) => update.facts.name === name);

/** By the record of a child's ids a later process knows that it was updated in this run. */
async function recordSwapped(run: Run, it: Swapped): Promise<void> {
  const told = ({ swap: { name }, timed }: Member) =>
    ({ kind: "swapped", container: name, steps: timed?.steps ?? [], ...timed?.downtime }) as const;
  await run.journal.write(told(it));
  for (const child of childrenOf(it)) {
    const { name: container, old, newImage, successor = "" } = child.swap;
    const ids = { old_id: old.Id, new_id: successor, to: newImage.Id };
    await run.journal.write({ kind: "swapping", container, ...ids });
    await run.journal.write(told(child));
  }
}

/** Nothing of the transaction stays: `ending` is the culprit's. */
async function endAll(run: Run, it: Swapped, culprit: string, ending: Ending): Promise<void> {
  const { swap, timed } = it;
  const told = ({ facts: { name } }: UpdateEntry): Ending => {
    const { replacement, kept } = swap.dependants.find((one) => one.name === name) ?? {};
    if (replacement === undefined) return endingOf(name, culprit, ending);
    return { end: "expired", because: sayReplaced(replacement, kept), by: "updater" };
  };
  await endContainer(run, it.entry, {
    ...timed?.downtime,
    ...(timed && ending.decided === undefined && { steps: timed.steps }),
    ...told(it.entry),
    ...changeOf(swap.oldImage, swap.newImage, swap.old.Config.Image),
  });
  for (const { update } of it.along)
    await endContainer(run, update, {
      ...told(update),
      ...{ from: update.facts.imageId, to: update.newImage.Id },
    });
}

/** The new containers run and proved themselves: after_update decides whether they stay. */
async function confirm(run: Run, it: Swapped): Promise<void> {
  const { swap } = it;
  if (isOwn(run, swap.successor)) await noteSuccessor(run, swap);
  if (!(await isStanding(swap))) return putBack(run, it, swap.name, REMOVED);
  const parent = await lookAfter(it, it);
  const children = await Promise.all(childrenOf(it).map((child) => lookAfter(child, it)));
  const all = [parent, ...children];
  for (const after of all) {
    const decided = await askAfter(run, after);
    if (decided.verdict === "proceed") continue;
    return isOwn(run, after.successor.Id)
      ? handBack(run, after.swap, after.successor)
      : putBack(run, it, after.swap.name, endOfRefused(decided));
  }
  for (const { swap: one } of all) if (!(await isStanding(one))) return putBack(run, it, one.name, REMOVED);
  const because = await removeOld(run, parent);
  for (const { entry, swap: one, successor, timed } of all) {
    await runLifecycle(run, "post-update", { container: one.old, id: successor.Id });
    await cleanUp(run, one);
    await endContainer(run, entry, {
      end: "updated",
      because,
      by: "updater",
      ...changeOf(one.oldImage, one.newImage, one.old.Config.Image),
      ...timed?.downtime,
    });
  }
}

async function lookAfter(member: Member, { atMost }: Swapped): Promise<Member & After> {
  const { swap } = member;
  const { docker } = swap.engine;
  const successor = await docker.getContainer(swap.successor ?? swap.name).inspect();
  const gone = (): ContainerInspectInfo => swap.old as unknown as ContainerInspectInfo;
  const old = await docker.getContainer(swap.old.Id).inspect().catch(gone);
  return { ...member, old, successor, atMost };
}

const REMOVED = {
  end: "rolled_back",
  because: "somebody removed the new container before the update was over; the old one was put back",
  by: "updater",
  isPassing: true,
} as const satisfies Ending;

/** The new container is there, and its owner has put no other in its place. */
async function isStanding(swap: Swap): Promise<boolean> {
  const { engine, name, successor = name } = swap;
  const inspect = await ifThere(engine.docker.getContainer(successor).inspect());
  return inspect !== undefined && (await lookForReplacement(swap)) === undefined;
}

/** All of them; `ending` is the culprit's. */
async function putBack(run: Run, it: Swapped, culprit: string, ending: Ending): Promise<void> {
  const { swap, entry, timed } = it;
  using _place = await run.places.take();
  await run.fence.check(run.bus.signal);
  const back = timedFor(run, entry);
  back.begins(DOWN.from);
  const failures = await undoSteps(run.steps, swap, back);
  if (run.hardStop.aborted && failures.length > 0) throw new Suspended("stopped while it was put back");
  await expectNotYielded(swap);
  const downtime_ms = (timed?.downtime.downtime_ms ?? 0) + (back.downtime.downtime_ms ?? 0);
  const cause = ending.because;
  const stuck = {
    end: "stuck",
    because: byHand(swap, { failed: "put the old container back", cause, left: failures }),
    by: "updater",
  } as const;
  if (failures.length > 0) await endAll(run, it, swap.name, { ...stuck, downtime_ms });
  else await endAll(run, it, culprit, { ...ending, downtime_ms });
}
