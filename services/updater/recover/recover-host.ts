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
//   R9  What its owner put in the place of a container has the last word (yield-to-owner.ts): our successor is known by its id, which the
//       backup's name tells.
//   R10 A hard dependency whose recreation a hook refused is put back. While NATS is away nobody knows: both are kept.
// Recovering twice does nothing more than once.
import { explain } from "../../../shared/errors.ts";
import {
  dropDependencySnapshot,
  dropSnapshot,
  readSnapshots,
  findRunsWithSnapshots,
} from "../journal/snapshot-store.ts";
import type { EngineLease } from "../lease/engine-lease.ts";
import { type RunMarker, findMarkers, removeMarker, resolveMarkedContainers } from "../journal/run-marker.ts";
import { settleAll } from "../settle-all.ts";
import type { HelperOutcome } from "../containers/helper-container.ts";
import { describeManualFix } from "../swap/manual-fix.ts";
import { commitSwap } from "../swap/recreate-dependants.ts";
import { type SagaOutcome, runSteps } from "../swap/saga.ts";
import { makeImageFetcher } from "../containers/pull-image.ts";
import { restoreDependencies, startAndRestoreDependencies } from "../swap/restore-dependencies.ts";
import { type Swap, isUpdated } from "../swap/swap.ts";
import { type SwapContainers, findSwapContainers } from "../swap/swap-containers.ts";
import { selfUpdateSteps, exchangedNamesSteps } from "../swap/swap-steps.ts";
import { yieldAfterStart } from "../swap/yield-to-owner.ts";
import type { RecoveredSwap } from "../updater.ts";
import {
  type InterruptedSwap,
  type FoundSwap,
  type RecoveryContext,
  type SwapRecoveryContext,
  listInterruptedSwaps,
  isUncommitted,
  rebuildSwap,
} from "./interrupted-swap.ts";
import { finishCommittedSwap, isCommitted } from "./committed-swap.ts";
import { findSwaps, addUnmarkedDependencies } from "./find-swaps.ts";
import {
  type SwapRecoveryResult,
  resultIfReplaced,
  recoverWithRetries,
  rollBackSwap,
  adoptSuccessor,
  createRecoveryTimer,
} from "./roll-back-swap.ts";
import { settleRecreated } from "./recreated-dependants.ts";

export interface HostRecovery {
  /** R2: swaps whose names were exchanged, by the container's name, with how starting and proving went. */
  readonly swaps: ReadonlyMap<string, RecoveredSwap>;
  readonly markers: readonly RunMarker[];
  /** R1, R3, R5: what is over already. */
  readonly restored: readonly SwapRecoveryResult[];
  /** R10 */
  readonly undecided: readonly string[];
  /** What the helper said that an earlier process started. */
  readonly helped?: HelperOutcome | undefined;
}

export type HostRecoveryContext = RecoveryContext & {
  readonly lease: EngineLease;
  /** Ends the waiting for others who act on the Engine. */
  readonly signal: AbortSignal;
  /** The run that is known to be this updater's. */
  readonly openRun: string | undefined;
};

/** R8. From here to the end of the lease, which is the caller's, nobody else touches the Engine. */
export async function recoverHost(it: HostRecoveryContext): Promise<HostRecovery> {
  const own = await findRunsWithSnapshots(it); // a prune may have taken all else
  if (own.length > 0 || (await findRunsOnEngine(it)).length > 0 || (await it.lease.isAbandoned()))
    await it.lease.hold({ ...it, touchesOthers: () => hasRunsOfOthers(it) });
  const snapshots = await readSnapshots(it);
  const markers = addUnmarkedDependencies(await findMarkers(it.host.engine), snapshots);
  const marked = markers.flatMap(({ stopped }) => stopped.map(({ id }) => id));
  const known = snapshots.flatMap(({ ran, container }) => (ran ? [container.Id] : []));
  const recovering = { ...it, snapshots, ran: new Set([...marked, ...known]) };
  return { ...(await recoverSwaps(recovering, await findSwaps(recovering))), markers };
}

/** Of which something is left on the Engine. */
async function findRunsOnEngine({ host }: RecoveryContext): Promise<string[]> {
  const [markers, parts] = [await findMarkers(host.engine), await findSwapContainers(host.engine)];
  return [...markers, ...parts].map(({ run }) => run);
}

/** DATA_DIR tells too whose a run is: the journal may be lost. */
async function hasRunsOfOthers(it: HostRecoveryContext): Promise<boolean> {
  const own = [it.openRun, ...(await findRunsWithSnapshots(it))];
  return (await findRunsOnEngine(it)).some((run) => !own.includes(run));
}

/** Ends by the Engine alone what no run goes on with: proved successors stay, dependencies run. */
export async function settleUnresumed(
  it: RecoveryContext,
  recovered: HostRecovery,
  exceptRun: string | undefined,
): Promise<SwapRecoveryResult[]> {
  const ended = [...recovered.restored];
  for (const { swap, outcome, parent } of recovered.swaps.values()) {
    if (swap.run === exceptRun) continue;
    if (outcome.kind === "done" && parent === undefined) await commitUnlessReplaced(swap);
    if (outcome.kind !== "stuck") await dropSnapshot(it, swap.run, swap.name);
    ended.push({ container: swap.name, run: swap.run, ...resultOfOutcome(swap, outcome), swap });
  }
  const lost = recovered.markers.filter((marker) => marker.run !== exceptRun);
  ended.push(...(await startMarkedContainers(it, lost)));
  const alone = ended.filter(({ run }) => run !== exceptRun);
  for (const { container, run, end, because } of alone)
    it.log[end === "stuck" ? "error" : "warn"]({ container, run, end, because }, "swap of a lost run ended");
  return alone;
}

/** With it goes what went along. */
async function commitUnlessReplaced(swap: Swap): Promise<void> {
  if (!(await yieldAfterStart(swap, swap.old.Id))) await commitSwap(swap);
}

function resultOfOutcome(swap: Swap, outcome: SagaOutcome): Pick<SwapRecoveryResult, "end" | "because"> {
  switch (outcome.kind) {
    case "done":
      return resultIfReplaced(swap) ?? { end: "updated", because: "the new container proved itself" };
    case "undone":
      return (
        resultIfReplaced(swap) ?? {
          end: "rolled_back",
          because: `"${outcome.failed}" failed: ${explain(outcome.cause)}`,
        }
      );
    case "stuck":
      return { end: "stuck", because: describeManualFix(swap, outcome) };
  }
}

/** R4. Resolves with what cannot be started. */
async function startMarkedContainers(
  it: RecoveryContext,
  markers: readonly RunMarker[],
): Promise<SwapRecoveryResult[]> {
  const { engine } = it.host;
  const down: SwapRecoveryResult[] = [];
  for (const marker of markers) {
    const log = it.log.child({ run: marker.run });
    const fetchImage = makeImageFetcher({
      ...it,
      engine,
      signal: it.hardStop,
      settings: it.credentials ?? it.settings,
    });
    const bringing = {
      ...it,
      log,
      engine,
      snapshotStore: it,
      run: marker.run,
      replaced: new Map(),
      fetchImage,
    };
    const { lost, there } = await restoreDependencies(bringing, marker.stopped);
    const known = marker.stopped.filter(({ name }) => there.includes(name));
    const started = await startAndRestoreDependencies(
      bringing,
      known,
      await resolveMarkedContainers(engine, marker),
    );
    if (it.hardStop.aborted) return down;
    const left = [...lost, ...started];
    for (const { id, name } of marker.stopped)
      if (!left.some(({ container }) => [id, name].includes(container)))
        await dropDependencySnapshot(it, marker.run, name);
    if (left.length === 0) await removeMarker(engine, marker.run); // else the next start reads it
    for (const { container, because } of left) {
      const name = marker.stopped.find(({ id }) => id === container)?.name ?? container;
      down.push({ container: name, run: marker.run, end: "stuck", because, swap: undefined });
    }
  }
  return down;
}

async function recoverSwaps(
  it: SwapRecoveryContext,
  all: readonly FoundSwap[],
): Promise<Pick<HostRecovery, "swaps" | "restored" | "undecided">> {
  const restored: SwapRecoveryResult[] = [];
  const end = <One extends SwapContainers>(
    some: readonly One[],
    how: (one: One) => Promise<SwapRecoveryResult | undefined>,
  ) =>
    settleAll(
      some.map((one) => async () => {
        const ended = await recoverWithRetries(it, one, () => how(one));
        if (ended !== undefined) restored.push(ended);
      }),
    );
  const begun = listInterruptedSwaps(all);
  const [uncommitted, exchanged] = [begun.filter(isUncommitted), begun.filter((one) => !isUncommitted(one))];
  const goingOn = exchanged.filter((one) => !one.isDependant);
  // What refers to a container that goes on is recreated with it; it could not start before.
  const goesOn = ({ run }: InterruptedSwap): boolean => goingOn.some((parent) => parent.run === run);
  await end(
    all.filter(({ backup, gone, current }) => (backup ?? gone ?? current) === undefined),
    (parts) => adoptSuccessor(it, parts),
  );
  await end(
    uncommitted.filter((one) => !one.isDependant),
    (parent) => rollBackSwap(it, parent, { start: true }),
  );
  await end(
    uncommitted.filter((one) => one.isDependant),
    (one) => rollBackSwap(it, one, { start: !goesOn(one) }),
  );
  const swaps = new Map<string, RecoveredSwap>();
  await end(goingOn, (one) => resumeSwap(it, one, swaps));
  const parents = [
    ...[...swaps.values()].map(({ swap }) => swap),
    ...restored.flatMap(({ swap }) => swap ?? []),
  ];
  const taken = parents.flatMap(({ dependants }) => dependants.map(({ old }) => old.Id));
  const left = exchanged.filter((one) => one.isDependant && !taken.includes(one.old.Id));
  const undecided = await settleRecreated(it, left, end);
  return { swaps, restored, undecided };
}

/** R2. */
async function resumeSwap(
  it: SwapRecoveryContext,
  parts: InterruptedSwap,
  swaps: Map<string, RecoveredSwap>,
): Promise<undefined> {
  const log = it.log.child({ container: parts.name, run: parts.run });
  const swap = await rebuildSwap(it, parts);
  const isOwn = it.host.own.includes(parts.next.Id);
  const { left, done } = isOwn ? { left: selfUpdateSteps, done: [] } : exchangedNamesSteps;
  const timed = createRecoveryTimer(it, log);
  const outcome =
    !isOwn && (await isCommitted(swap))
      ? await finishCommittedSwap(swap, timed)
      : await runSteps(left, swap, timed, done);
  const because = outcome.kind === "done" ? undefined : explain(outcome.cause);
  log.warn({ outcome: outcome.kind, because }, "a swap whose names were exchanged was taken up");
  swaps.set(parts.name, { swap, outcome });
  for (const dependant of swap.dependants.filter(isUpdated))
    swaps.set(dependant.name, { swap: dependant, outcome, parent: parts.name });
  return undefined;
}
