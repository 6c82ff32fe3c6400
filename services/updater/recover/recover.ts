// What an updater that was killed left behind is put right from the Engine alone: names, inspect, marker volumes.
//   R1  The successor still bears its temporary name: not committed. It goes, and the old container runs again.
//   R2  The successor bears the real name, the backup is there: it is started and proved; if that fails, R1's way.
//   R3  A backup without a successor: it takes its name again and runs.
//   R4  Dependencies that a marker lists run again, if they exist; with the journal at hand the run does it itself.
//   R5  A dependant that was recreated stays with its parent: proved with it, put back with it, kept if that is over.
// Recovering twice does nothing more than once.
import { explain } from "../../../shared/errors.ts";
import { dropDocument } from "../journal/documents.ts";
import { type Marker, findMarkers, removeMarker, stoppedNow } from "../journal/marker.ts";
import { allOf } from "../plan/all-of.ts";
import type { Helped } from "../self/helper-container.ts";
import { byHand } from "../swap/by-hand.ts";
import { commit } from "../swap/recreate.ts";
import { type Outcome, runSteps } from "../swap/saga.ts";
import { startPatiently } from "../swap/start-patiently.ts";
import { type Swap, isUpdated } from "../swap/swap.ts";
import { type Parts, findParts } from "../swap/swap-parts.ts";
import { ofOurselves, ofSwappedNames } from "../swap/swap-steps.ts";
import { Timed } from "../swap/timed.ts";
import type { Recovered } from "../updater.ts";
import {
  type Begun,
  type Recovering,
  type RecoveringSwaps,
  begunOf,
  isUncommitted,
  swapFrom,
} from "./begun.ts";
import { type Restored, keepRecreated, putBack, takeOver } from "./put-back.ts";

export interface RecoveredHost {
  /** R2: swaps whose names were exchanged, by the container's name, with how starting and proving went. */
  readonly swaps: ReadonlyMap<string, Recovered>;
  readonly markers: readonly Marker[];
  /** R1, R3, R5: what is over already. */
  readonly restored: readonly Restored[];
  /** What the helper said that an earlier process started. */
  readonly helped?: Helped | undefined;
}

export async function recoverHost(it: Recovering): Promise<RecoveredHost> {
  const markers = await findMarkers(it.host.engine);
  const ran = new Set(markers.flatMap(({ stopped }) => stopped.map(({ id }) => id)));
  const found = await recoverParts({ ...it, ran }, await findParts(it.host.engine));
  return { ...found, markers };
}

/** Ends by the Engine alone what no run goes on with: proved successors stay, dependencies run. */
export async function settleAlone(
  it: Recovering,
  recovered: RecoveredHost,
  exceptRun: string | undefined,
): Promise<Restored[]> {
  const ended = [...recovered.restored];
  for (const { swap, outcome, parent } of recovered.swaps.values()) {
    if (swap.run === exceptRun) continue;
    if (outcome.kind === "done" && parent === undefined) await commit(swap); // and with it what went along
    if (outcome.kind !== "stuck") await dropDocument(it, swap.run, swap.name);
    ended.push({ container: swap.name, run: swap.run, ...endOf(swap, outcome), swap });
  }
  const lost = recovered.markers.filter((marker) => marker.run !== exceptRun);
  await startMarked(it, lost);
  const alone = ended.filter(({ run }) => run !== exceptRun);
  for (const { container, run, end, because } of alone)
    it.log[end === "stuck" ? "error" : "warn"]({ container, run, end, because }, "swap of a lost run ended");
  return alone;
}

function endOf(swap: Swap, outcome: Outcome): Pick<Restored, "end" | "because"> {
  switch (outcome.kind) {
    case "done":
      return { end: "updated", because: "the new container proved itself" };
    case "undone":
      return { end: "rolled_back", because: `"${outcome.failed}" failed: ${explain(outcome.cause)}` };
    case "stuck":
      return { end: "stuck", because: byHand(swap, outcome) };
  }
}

/** R4. */
async function startMarked(it: Recovering, markers: readonly Marker[]): Promise<void> {
  const { engine } = it.host;
  for (const marker of markers) {
    const log = it.log.child({ run: marker.run });
    await startPatiently({ ...it, engine, log }, await stoppedNow(engine, marker));
    if (it.hardStop.aborted) return; // the next start reads the marker
    await removeMarker(engine, marker.run);
  }
}

async function recoverParts(
  it: RecoveringSwaps,
  all: readonly Parts[],
): Promise<Pick<RecoveredHost, "swaps" | "restored">> {
  const restored: Restored[] = [];
  const end = <One>(some: readonly One[], how: (one: One) => Promise<Restored | undefined>) =>
    allOf(
      some.map((one) => async () => {
        const ended = await how(one);
        if (ended !== undefined) restored.push(ended);
      }),
    );
  const begun = begunOf(all);
  const [uncommitted, exchanged] = [begun.filter(isUncommitted), begun.filter((one) => !isUncommitted(one))];
  const goingOn = exchanged.filter((one) => !one.isDependant);
  // What refers to a container that goes on is recreated with it; it could not start before.
  const goesOn = ({ run }: Begun): boolean => goingOn.some((parent) => parent.run === run);
  await end(
    all.filter(({ backup, current }) => (backup ?? current) === undefined),
    (parts) => takeOver(it, parts),
  );
  await end(
    uncommitted.filter((one) => !one.isDependant),
    (parent) => putBack(it, parent, { start: true }),
  );
  await end(
    uncommitted.filter((one) => one.isDependant),
    (one) => putBack(it, one, { start: !goesOn(one) }),
  );
  const swaps = new Map<string, Recovered>();
  await allOf(goingOn.map((one) => () => goOn(it, one, swaps)));
  const taken = [...swaps.values()].flatMap(({ swap }) => swap.dependants.map(({ old }) => old.Id));
  const left = exchanged.filter((one) => one.isDependant && !taken.includes(one.old.Id));
  await end(left, (one) => keepRecreated(it, one));
  return { swaps, restored };
}

/** R2. */
async function goOn(it: RecoveringSwaps, parts: Begun, swaps: Map<string, Recovered>): Promise<void> {
  const log = it.log.child({ container: parts.name, run: parts.run });
  const swap = await swapFrom(it, parts);
  const isOwn = it.host.own.includes(parts.next.Id);
  const { left, done } = isOwn ? { left: ofOurselves, done: [] } : ofSwappedNames;
  const outcome = await runSteps(
    left,
    swap,
    new Timed({ clock: it.clock, log, hardStop: it.hardStop }),
    done,
  );
  const because = outcome.kind === "done" ? undefined : explain(outcome.cause);
  log.warn({ outcome: outcome.kind, because }, "a swap whose names were exchanged was taken up");
  swaps.set(parts.name, { swap, outcome });
  for (const dependant of swap.dependants.filter(isUpdated))
    swaps.set(dependant.name, { swap: dependant, outcome, parent: parts.name });
}
