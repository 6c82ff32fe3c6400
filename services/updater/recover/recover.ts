// What an updater that was killed left behind is put right from the Engine alone: names, inspect, marker volumes.
//   R1  The successor still bears its temporary name: not committed. It goes, and the old container runs again.
//   R2  The successor bears the real name, the backup is there: it is started and proved; if that fails, R1's way.
//   R3  A backup without a successor: it takes its name again and runs.
//   R4  Dependencies that a marker lists run again, if they exist; with the journal at hand the run does it itself.
//   R5  A dependant that was recreated stays with its parent: proved with it, put back with it, kept if that is over.
//   R6  Once the old container of a dependant that was recreated is gone, there is no way back for its parent either: it
//       is started for as long as it takes.
//   R7  What cannot be put right is told, and keeps no other container down.
//   R8  What another Ouroboros is in the middle of is left to that one, for as long as it lives.
//   R9  What its owner put in the place of a container has the last word (yield.ts): our successor is known by its id, which the
//       backup's name tells.
//   R10 A hard dependency whose recreation a hook refused is put back. While NATS is away nobody knows: both are kept.
// Recovering twice does nothing more than once.
import { explain } from "../../../shared/errors.ts";
import { dropDependency, dropSnapshot, readSnapshots, runsWithSnapshots } from "../journal/snapshots.ts";
import type { EngineLease } from "../lease/engine-lease.ts";
import { type Marker, findMarkers, removeMarker, stoppedNow } from "../journal/marker.ts";
import { allOf } from "../plan/all-of.ts";
import type { Helped } from "../self/helper-container.ts";
import { byHand } from "../swap/by-hand.ts";
import { commit } from "../swap/recreate.ts";
import { type SagaOutcome, runSteps } from "../swap/saga.ts";
import { imageFetcher } from "../plan/pull.ts";
import { bringBack, startAndBringBack } from "../swap/bring-back.ts";
import { type Swap, isUpdated } from "../swap/swap.ts";
import { type SwapParts, findParts } from "../swap/swap-parts.ts";
import { ofOurselves, ofSwappedNames } from "../swap/swap-steps.ts";
import { yieldAfterStart } from "../swap/yield.ts";
import type { Recovered } from "../updater.ts";
import {
  type Begun,
  type Found,
  type Recovering,
  type RecoveringSwaps,
  begunOf,
  isUncommitted,
  swapFrom,
} from "./begun.ts";
import { goForward, isCommitted } from "./committed.ts";
import { foundParts, withDependencies } from "./found-parts.ts";
import { type Restored, expiredOf, patiently, putBack, takeOver, timedBy } from "./put-back.ts";
import { endRecreated } from "./recreated.ts";

export interface RecoveredHost {
  /** R2: swaps whose names were exchanged, by the container's name, with how starting and proving went. */
  readonly swaps: ReadonlyMap<string, Recovered>;
  readonly markers: readonly Marker[];
  /** R1, R3, R5: what is over already. */
  readonly restored: readonly Restored[];
  /** R10 */
  readonly undecided: readonly string[];
  /** What the helper said that an earlier process started. */
  readonly helped?: Helped | undefined;
}

export type RecoveringHost = Recovering & {
  readonly lease: EngineLease;
  /** Ends the waiting for others who act on the Engine. */
  readonly signal: AbortSignal;
  /** The run that is known to be this updater's. */
  readonly openRun: string | undefined;
};

/** R8. From here to the end of the lease, which is the caller's, nobody else touches the Engine. */
export async function recoverHost(it: RecoveringHost): Promise<RecoveredHost> {
  const own = await runsWithSnapshots(it); // a prune may have taken all else
  if (own.length > 0 || (await runsOn(it)).length > 0 || (await it.lease.isLeft()))
    await it.lease.hold({ ...it, touchesOthers: () => hasRunsOfOthers(it) });
  const snapshots = await readSnapshots(it);
  const markers = withDependencies(await findMarkers(it.host.engine), snapshots);
  const marked = markers.flatMap(({ stopped }) => stopped.map(({ id }) => id));
  const known = snapshots.flatMap(({ ran, container }) => (ran ? [container.Id] : []));
  const recovering = { ...it, snapshots, ran: new Set([...marked, ...known]) };
  return { ...(await recoverParts(recovering, await foundParts(recovering))), markers };
}

/** Of which something is left on the Engine. */
async function runsOn({ host }: Recovering): Promise<string[]> {
  const [markers, parts] = [await findMarkers(host.engine), await findParts(host.engine)];
  return [...markers, ...parts].map(({ run }) => run);
}

/** DATA_DIR tells too whose a run is: the journal may be lost. */
async function hasRunsOfOthers(it: RecoveringHost): Promise<boolean> {
  const own = [it.openRun, ...(await runsWithSnapshots(it))];
  return (await runsOn(it)).some((run) => !own.includes(run));
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
    if (outcome.kind === "done" && parent === undefined) await commitUnlessReplaced(swap);
    if (outcome.kind !== "stuck") await dropSnapshot(it, swap.run, swap.name);
    ended.push({ container: swap.name, run: swap.run, ...endOf(swap, outcome), swap });
  }
  const lost = recovered.markers.filter((marker) => marker.run !== exceptRun);
  ended.push(...(await startMarked(it, lost)));
  const alone = ended.filter(({ run }) => run !== exceptRun);
  for (const { container, run, end, because } of alone)
    it.log[end === "stuck" ? "error" : "warn"]({ container, run, end, because }, "swap of a lost run ended");
  return alone;
}

/** With it goes what went along. */
async function commitUnlessReplaced(swap: Swap): Promise<void> {
  if (!(await yieldAfterStart(swap, swap.old.Id))) await commit(swap);
}

function endOf(swap: Swap, outcome: SagaOutcome): Pick<Restored, "end" | "because"> {
  switch (outcome.kind) {
    case "done":
      return expiredOf(swap) ?? { end: "updated", because: "the new container proved itself" };
    case "undone":
      return (
        expiredOf(swap) ?? {
          end: "rolled_back",
          because: `"${outcome.failed}" failed: ${explain(outcome.cause)}`,
        }
      );
    case "stuck":
      return { end: "stuck", because: byHand(swap, outcome) };
  }
}

/** R4. Resolves with what cannot be started. */
async function startMarked(it: Recovering, markers: readonly Marker[]): Promise<Restored[]> {
  const { engine } = it.host;
  const down: Restored[] = [];
  for (const marker of markers) {
    const log = it.log.child({ run: marker.run });
    const fetchImage = imageFetcher({
      ...it,
      engine,
      signal: it.hardStop,
      settings: it.credentials ?? it.settings,
    });
    const bringing = { ...it, log, engine, shelf: it, run: marker.run, replaced: new Map(), fetchImage };
    const { lost, there } = await bringBack(bringing, marker.stopped);
    const known = marker.stopped.filter(({ name }) => there.includes(name));
    const started = await startAndBringBack(bringing, known, await stoppedNow(engine, marker));
    if (it.hardStop.aborted) return down;
    const left = [...lost, ...started];
    for (const { id, name } of marker.stopped)
      if (!left.some(({ container }) => [id, name].includes(container)))
        await dropDependency(it, marker.run, name);
    if (left.length === 0) await removeMarker(engine, marker.run); // else the next start reads it
    for (const { container, because } of left) {
      const name = marker.stopped.find(({ id }) => id === container)?.name ?? container;
      down.push({ container: name, run: marker.run, end: "stuck", because, swap: undefined });
    }
  }
  return down;
}

async function recoverParts(
  it: RecoveringSwaps,
  all: readonly Found[],
): Promise<Pick<RecoveredHost, "swaps" | "restored" | "undecided">> {
  const restored: Restored[] = [];
  const end = <One extends SwapParts>(
    some: readonly One[],
    how: (one: One) => Promise<Restored | undefined>,
  ) =>
    allOf(
      some.map((one) => async () => {
        const ended = await patiently(it, one, () => how(one));
        if (ended !== undefined) restored.push(ended);
      }),
    );
  const begun = begunOf(all);
  const [uncommitted, exchanged] = [begun.filter(isUncommitted), begun.filter((one) => !isUncommitted(one))];
  const goingOn = exchanged.filter((one) => !one.isDependant);
  // What refers to a container that goes on is recreated with it; it could not start before.
  const goesOn = ({ run }: Begun): boolean => goingOn.some((parent) => parent.run === run);
  await end(
    all.filter(({ backup, gone, current }) => (backup ?? gone ?? current) === undefined),
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
  await end(goingOn, (one) => goOn(it, one, swaps));
  const parents = [
    ...[...swaps.values()].map(({ swap }) => swap),
    ...restored.flatMap(({ swap }) => swap ?? []),
  ];
  const taken = parents.flatMap(({ dependants }) => dependants.map(({ old }) => old.Id));
  const left = exchanged.filter((one) => one.isDependant && !taken.includes(one.old.Id));
  const undecided = await endRecreated(it, left, end);
  return { swaps, restored, undecided };
}

/** R2. */
async function goOn(it: RecoveringSwaps, parts: Begun, swaps: Map<string, Recovered>): Promise<undefined> {
  const log = it.log.child({ container: parts.name, run: parts.run });
  const swap = await swapFrom(it, parts);
  const isOwn = it.host.own.includes(parts.next.Id);
  const { left, done } = isOwn ? { left: ofOurselves, done: [] } : ofSwappedNames;
  const timed = timedBy(it, log);
  const outcome =
    !isOwn && (await isCommitted(swap))
      ? await goForward(swap, timed)
      : await runSteps(left, swap, timed, done);
  const because = outcome.kind === "done" ? undefined : explain(outcome.cause);
  log.warn({ outcome: outcome.kind, because }, "a swap whose names were exchanged was taken up");
  swaps.set(parts.name, { swap, outcome });
  for (const dependant of swap.dependants.filter(isUpdated))
    swaps.set(dependant.name, { swap: dependant, outcome, parent: parts.name });
  return undefined;
}
