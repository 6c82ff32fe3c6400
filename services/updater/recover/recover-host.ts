// Recovery: repairs what a killed updater left behind. It needs only the Engine: names, inspect and marker volumes.
//   R1  The successor still has its temporary name: the swap is not committed. Recovery removes the successor and
//       runs the old container again.
//   R2  The successor has the real name and the backup exists: recovery starts the successor and verifies it. If that
//       fails, it does as in R1.
//   R3  A backup without a successor gets its name back and runs.
//   R4  Dependencies that a marker lists are started again, if they exist. If the journal is available, the run does
//       this itself.
//   R5  A recreated dependant stays with its parent: it is verified with it and rolled back with it, and kept if the
//       parent's swap is over.
//   R6  Once the old container of a recreated dependant is gone, its parent cannot go back either: recovery starts
//       the parent for as long as it takes.
//   R7  Recovery reports what it cannot repair. That keeps no other container down.
//   R8  Recovery leaves alone what another Ouroboros is working on, for as long as that process lives.
//   R9  A container that the owner put in the place of ours has priority (yield-to-owner.ts). Recovery knows our
//       successor by its id, which the backup's name contains.
//   R10 A hard dependency whose recreation a hook refused is rolled back. While NATS is away the verdict is unknown,
//       and both containers are kept.
// Recovery is idempotent.
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
import { commitSwap } from "../swap/commit-swap.ts";
import type { SagaOutcome } from "../swap/saga.ts";
import { makeImageFetcher } from "../containers/pull-image.ts";
import { restoreDependencies, startAndRestoreDependencies } from "../swap/restore-dependencies.ts";
import { type SwapPhase, phaseOf } from "../swap/swap-phase.ts";
import type { Swap } from "../swap/swap-state.ts";
import { findSwapContainers } from "../swap/swap-containers.ts";
import { yieldAfterStart } from "../swap/yield-to-owner.ts";
import type { RecoveredSwap } from "../updater.ts";
import {
  type InterruptedSwap,
  type FoundSwap,
  type RecoveryContext,
  type SwapRecoveryContext,
  listInterruptedSwaps,
  observe,
} from "./interrupted-swap.ts";
import { findSwaps, addUnmarkedDependencies } from "./find-swaps.ts";
import {
  type SwapRecoveryResult,
  resultIfReplaced,
  recoverWithRetries,
  rollBackSwap,
  adoptSuccessor,
} from "./roll-back-swap.ts";
import { resumeSwap } from "./resume-swap.ts";
import { type SettleEach, settleRecreated } from "./recreated-dependants.ts";

export interface HostRecovery {
  /** R2: swaps whose names were exchanged, by the container's name, with the outcome of starting and verifying. */
  readonly swaps: ReadonlyMap<string, RecoveredSwap>;
  readonly markers: readonly RunMarker[];
  /** R1, R3, R5: the swaps that are over already. */
  readonly restored: readonly SwapRecoveryResult[];
  /** R10 */
  readonly undecided: readonly string[];
  /** The outcome of the helper that an earlier process started. */
  readonly helped?: HelperOutcome | undefined;
}

export type HostRecoveryContext = RecoveryContext & {
  readonly lease: EngineLease;
  /** Ends the wait for another Ouroboros that acts on the Engine. */
  readonly signal: AbortSignal;
  /** The run that is known to belong to this updater. */
  readonly openRun: string | undefined;
};

/** R8. Takes the lease, so no other Ouroboros touches the Engine. The caller releases it. */
export async function recoverHost(context: HostRecoveryContext): Promise<HostRecovery> {
  const own = await findRunsWithSnapshots(context); // a prune may have removed everything else
  if (own.length > 0 || (await findRunsOnEngine(context)).length > 0 || (await context.lease.isAbandoned()))
    await context.lease.hold({ ...context, touchesOthers: () => hasRunsOfOthers(context) });
  const snapshots = await readSnapshots(context);
  const markers = addUnmarkedDependencies(await findMarkers(context.host.engine), snapshots);
  const marked = markers.flatMap(({ stopped }) => stopped.map(({ id }) => id));
  const known = snapshots.flatMap(({ ran, container }) => (ran ? [container.Id] : []));
  const swapContext = { ...context, snapshots, ran: new Set([...marked, ...known]) };
  return { ...(await recoverSwaps(swapContext, await findSwaps(swapContext))), markers };
}

/** The runs of which something is left on the Engine. */
async function findRunsOnEngine({ host }: RecoveryContext): Promise<string[]> {
  const [markers, parts] = [await findMarkers(host.engine), await findSwapContainers(host.engine)];
  return [...markers, ...parts].map(({ run }) => run);
}

/** DATA_DIR also tells which runs are our own: the journal may be lost. */
async function hasRunsOfOthers(context: HostRecoveryContext): Promise<boolean> {
  const own = [context.openRun, ...(await findRunsWithSnapshots(context))];
  return (await findRunsOnEngine(context)).some((run) => !own.includes(run));
}

/** Finishes, from the Engine alone, the swaps that no run resumes: verified successors stay, dependencies run. */
export async function settleUnresumed(
  context: RecoveryContext,
  recovered: HostRecovery,
  exceptRun: string | undefined,
): Promise<SwapRecoveryResult[]> {
  const ended = [...recovered.restored];
  for (const { swap, outcome, parent } of recovered.swaps.values()) {
    if (swap.run === exceptRun) continue;
    if (outcome.kind === "done" && parent === undefined) await commitUnlessReplaced(context, swap);
    if (outcome.kind !== "stuck") await dropSnapshot(context, swap.run, swap.name);
    ended.push({ container: swap.name, run: swap.run, ...resultOfOutcome(swap, outcome), swap });
  }
  const lost = recovered.markers.filter((marker) => marker.run !== exceptRun);
  ended.push(...(await startMarkedContainers(context, lost)));
  const alone = ended.filter(({ run }) => run !== exceptRun);
  for (const { container, run, end, because } of alone)
    context.log[end === "stuck" ? "error" : "warn"](
      { container, run, end, because },
      "swap of a lost run ended",
    );
  return alone;
}

/** Also commits the dependants of the swap. */
async function commitUnlessReplaced(context: RecoveryContext, swap: Swap): Promise<void> {
  if (!(await yieldAfterStart(swap, swap.old.Id))) {
    const log = context.log.child({ container: swap.name, run: swap.run });
    await commitSwap(swap, { ...context, log });
  }
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

/** R4. Resolves with the containers that cannot be started. */
async function startMarkedContainers(
  context: RecoveryContext,
  markers: readonly RunMarker[],
): Promise<SwapRecoveryResult[]> {
  const { engine } = context.host;
  const down: SwapRecoveryResult[] = [];
  for (const marker of markers) {
    const log = context.log.child({ run: marker.run });
    const fetchImage = makeImageFetcher({
      ...context,
      engine,
      signal: context.hardStop,
      settings: context.credentials ?? context.settings,
    });
    const restoring = {
      ...context,
      log,
      engine,
      snapshotStore: context,
      run: marker.run,
      replaced: new Map(),
      fetchImage,
    };
    const { lost, existing } = await restoreDependencies(restoring, marker.stopped);
    const known = marker.stopped.filter(({ name }) => existing.includes(name));
    const started = await startAndRestoreDependencies(
      restoring,
      known,
      await resolveMarkedContainers(engine, marker),
    );
    if (context.hardStop.aborted) return down;
    const left = [...lost, ...started];
    for (const { id, name } of marker.stopped)
      if (!left.some(({ container }) => [id, name].includes(container)))
        await dropDependencySnapshot(context, marker.run, name);
    if (left.length === 0) await removeMarker(engine, marker.run); // else the next start of the updater reads it
    for (const { container, because } of left) {
      const name = marker.stopped.find(({ id }) => id === container)?.name ?? container;
      down.push({ container: name, run: marker.run, end: "stuck", because, swap: undefined });
    }
  }
  return down;
}

async function recoverSwaps(
  context: SwapRecoveryContext,
  all: readonly FoundSwap[],
): Promise<Pick<HostRecovery, "swaps" | "restored" | "undecided">> {
  const restored: SwapRecoveryResult[] = [];
  const settle: SettleEach = (parts, recover) =>
    settleAll(
      parts.map((part) => async () => {
        const result = await recoverWithRetries(context, part, () => recover(part));
        if (result !== undefined) restored.push(result);
      }),
    );
  const found = listInterruptedSwaps(all);
  const inPhase = (...phases: readonly SwapPhase[]): InterruptedSwap[] =>
    found.filter(({ observed }) => phases.includes(phaseOf(observed)));
  const isDependant = ({ observed }: InterruptedSwap): boolean => observed.isDependant === true;
  const resumable = inPhase("resume");
  // A dependant of a resumed swap is recreated with its parent; it could not start before.
  const isResumed = ({ run }: InterruptedSwap): boolean => resumable.some((parent) => parent.run === run);
  await settle(
    all.filter((parts) => phaseOf(observe(parts)) === "adopt"),
    (parts) => adoptSuccessor(context, parts),
  );
  const toRollBack = inPhase("restore", "roll back");
  await settle(
    toRollBack.filter((parts) => !isDependant(parts)),
    (parent) => rollBackSwap(context, parent, { start: true }),
  );
  await settle(toRollBack.filter(isDependant), (dependant) =>
    rollBackSwap(context, dependant, { start: !isResumed(dependant) }),
  );
  const swaps = new Map<string, RecoveredSwap>();
  await settle(resumable, async (parts) => {
    for (const [name, recovered] of await resumeSwap(context, parts)) swaps.set(name, recovered);
    return undefined;
  });
  const parents = [
    ...[...swaps.values()].map(({ swap }) => swap),
    ...restored.flatMap(({ swap }) => swap ?? []),
  ];
  const taken = parents.flatMap(({ dependants }) => dependants.map(({ old }) => old.Id));
  const left = inPhase("follow parent").filter(({ old }) => !taken.includes(old.Id));
  const undecided = await settleRecreated(context, left, settle);
  return { swaps, restored, undecided };
}
