// From how a swap went to the container's end: asked about, kept and cleaned up, or put back. Each way out is a named end.
import type { ContainerInspectInfo } from "dockerode";
import { ifThere, isAway } from "../../../shared/engine.ts";
import { Expired, Fenced, Halted, Suspended, explain } from "../../../shared/errors.ts";
import { byHand } from "../swap/by-hand.ts";
import { changeOf } from "../journal/change.ts";
import { cleanUp } from "./cleanup.ts";
import { type Ending, endContainer, endOfRefused } from "./ends.ts";
import { runLifecycle } from "./lifecycle.ts";
import { askAfter, removeOld } from "./replace-hooks.ts";
import { type Outcome, undoSteps } from "../swap/saga.ts";
import { handBack, isOwn, noteSuccessor } from "../self/self-update.ts";
import { DOWN, type Swap, replacementOf } from "../swap/swap.ts";
import { harmless } from "../swap/swap-steps.ts";
import { Timed } from "../swap/timed.ts";
import type { Entry, Run } from "../updater.ts";

/** Watches the steps of one container. */
export const timedFor = ({ bus, log, hardStop }: Run, { facts: { name } }: Entry): Timed =>
  new Timed({ clock: bus.clock, log: log.child({ container: name }), hardStop });

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
  const change = changeOf(swap.oldImage, swap.newImage);
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
      if ([Fenced, Expired, Halted].some((kind) => cause instanceof kind)) throw cause;
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
        ...(timed && { steps: timed.steps }),
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
        ...(timed && { steps: timed.steps }),
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
  if (decided.verdict !== "proceed")
    return isOwn(run, successor.Id)
      ? handBack(run, swap, successor)
      : putBack(run, it, endOfRefused(decided));
  if (!(await isThere(swap, successor.Id))) return putBack(run, it, REMOVED);
  const because = await removeOld(run, after);
  await runLifecycle(run, "post-update", { container: swap.old, id: successor.Id });
  await cleanUp(run, swap);
  await endContainer(run, entry, {
    end: "updated",
    because,
    by: "updater",
    ...changeOf(swap.oldImage, swap.newImage),
    ...timed?.downtime,
  });
}

const REMOVED = {
  end: "rolled_back",
  because: "somebody removed the new container while after_update was waited for; the old one was put back",
  by: "updater",
  isPassing: true,
} as const satisfies Ending;

/** It, or what its owner has put in its place. */
async function isThere({ engine, name }: Swap, successor: string): Promise<boolean> {
  const isHere = async (one: string): Promise<boolean> =>
    (await ifThere(engine.docker.getContainer(one).inspect())) !== undefined;
  return (await isHere(successor)) || (await isHere(name));
}

async function putBack(run: Run, { entry, swap, timed }: Swapped, ending: Ending): Promise<void> {
  using _place = await run.places.take();
  await run.fence.check(run.bus.signal);
  const back = timedFor(run, entry);
  back.begins(DOWN.from);
  const failures = await undoSteps(run.steps, swap, back);
  if (run.hardStop.aborted && failures.length > 0) throw new Suspended("stopped while it was put back");
  await expectOld(swap);
  const change = {
    ...changeOf(swap.oldImage, swap.newImage),
    downtime_ms: (timed?.downtime.downtime_ms ?? 0) + (back.downtime.downtime_ms ?? 0),
  };
  const cause = ending.because;
  const stuck = {
    end: "stuck",
    because: byHand(swap, { failed: "put the old container back", cause, left: failures }),
    by: "updater",
  } as const;
  await endContainer(run, entry, { ...(failures.length > 0 ? stuck : ending), ...change });
}

/** @throws Expired where somebody put another container in its place: there is nothing to be put back. */
async function expectOld(swap: Swap): Promise<void> {
  const replacement = await replacementOf(swap);
  if (replacement !== undefined)
    throw new Expired(`somebody replaced it meanwhile, by ${replacement.slice(0, 12)}`);
}
