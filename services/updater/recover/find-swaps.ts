// Finds the swaps that are not over: from the containers on the Engine, and from the snapshots of old containers that
// no longer exist.
//   F1  A container that has the name of a missing one, and is no part of its swap, belongs to the owner: it stays.
//   F2  A container that its owner removed stays away. One that a prune removed, or nobody knows who, is recreated.
//   F3  If a container has several snapshots, the newest counts.
//   F4  A replacement for a container that a killed Engine can no longer start (remake-container.ts: N3) is removed
//       if that container still exists: recovery tries again.
//   F5  The snapshot knows the old container by its id. If the owner renamed it, it is rolled back under its new name.
//   F6  A dependant ends as its parent does, which finds it by its snapshot. If a prune left nothing of the parent's swap,
//       the dependant is found by itself; one that is a dependency, too, is started by its run.
import { ifExists } from "../../../shared/docker/engine.ts";
import type { RunMarker } from "../journal/run-marker.ts";
import { type Snapshot, dropSnapshot, containerNameIn } from "../journal/snapshot-store.ts";
import { isRemovedByOwner } from "../containers/container-removals.ts";
import { releaseImage } from "../swap/rollback-resources.ts";
import { removeContainer } from "../containers/rename-container.ts";
import { type SwapContainers, findSwapContainers } from "../swap/swap-containers.ts";
import type { FoundSwap, SwapRecoveryContext } from "./interrupted-swap.ts";

type SwapSearchContext = Pick<SwapRecoveryContext, "host" | "log" | "clock" | "settings" | "snapshots">;

export async function findSwaps(context: SwapSearchContext): Promise<FoundSwap[]> {
  const all = await findSwapContainers(context.host.engine);
  const left = (await Promise.all(all.map((parts) => removeHalfMade(context, parts)))).flat();
  const shown = await Promise.all(left.map((parts) => findRenamedOld(context, parts)));
  const found = new Map<string, FoundSwap>(shown.map((parts) => [keyOf(parts), parts]));
  for (const snapshot of parentsFirst(newestOfEach(context.snapshots))) {
    if (isOfParent(snapshot, [...found.values()])) continue;
    const name = containerNameIn(snapshot);
    const parts = await matchSnapshot(context, snapshot, found.get(keyOf({ name, run: snapshot.run })));
    if (parts !== undefined) found.set(keyOf(parts), parts);
  }
  return [...found.values()];
}

/** F4 */
async function removeHalfMade(context: SwapSearchContext, parts: SwapContainers): Promise<SwapContainers[]> {
  const { theirs, backup, ...rest } = parts;
  const current = rest.current ?? theirs;
  const isOwn = context.snapshots.some(
    (snapshot) =>
      snapshot.run === rest.run &&
      containerNameIn(snapshot) === rest.name &&
      snapshot.container.Id === current?.Id,
  );
  if (backup === undefined || !isOwn || backup.State.Status !== "created") return [parts];
  await removeContainer({ ...context, engine: context.host.engine }, backup.Id, { v: false });
  return rest.successor === undefined ? [] : [{ ...rest, current, backup: undefined }];
}

/** F5 */
async function findRenamedOld(
  { host, snapshots }: SwapSearchContext,
  parts: SwapContainers,
): Promise<SwapContainers> {
  const { name, run, current, backup, successor } = parts;
  if (successor === undefined || (current ?? backup) !== undefined) return parts;
  const snapshot = snapshots.find((taken) => taken.run === run && containerNameIn(taken) === name);
  if (snapshot === undefined) return parts;
  return {
    ...parts,
    current: await ifExists(host.engine.docker.getContainer(snapshot.container.Id).inspect()),
  };
}

const keyOf = ({ name, run }: Pick<FoundSwap, "name" | "run">): string => `${name} ${run}`;

/** F3 */
function newestOfEach(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const ofSwaps = snapshots.filter(({ role }) => role !== "dependency");
  const names = ofSwaps.map(containerNameIn);
  return ofSwaps.filter((_, index) => names.indexOf(names[index] ?? "") === index);
}

/** F6 */
const parentsFirst = (snapshots: readonly Snapshot[]): readonly Snapshot[] => [
  ...snapshots.filter(({ role }) => role === "updated"),
  ...snapshots.filter(({ role, stopped_before: isStopped }) => role === "dependant" && isStopped !== true),
];

/** F6 */
const isOfParent = ({ parent, run }: Snapshot, swaps: readonly Pick<FoundSwap, "name" | "run">[]): boolean =>
  swaps.some((swap) => swap.name === parent && swap.run === run);

/** Undefined if nothing is to be done. */
async function matchSnapshot(
  context: SwapSearchContext,
  snapshot: Snapshot,
  shown: FoundSwap | undefined,
): Promise<FoundSwap | undefined> {
  const { docker } = context.host.engine;
  const [name, { run, ran, container, successor }] = [containerNameIn(snapshot), snapshot];
  const inspect = await ifExists(docker.getContainer(container.Id).inspect());
  const nothing = { name, run, current: undefined, successor: undefined, backup: undefined };
  if (inspect !== undefined) {
    // A prune may have removed the rest of the swap. If it was started since then, it is not down because of us.
    const isDown = ran && !inspect.State.Running && inspect.State.StartedAt === snapshot.started_at;
    return shown === undefined && isDown && inspect.Name === `/${name}`
      ? { ...nothing, current: inspect }
      : undefined;
  }
  if (shown?.backup !== undefined) return undefined; // recreated by an earlier process
  const current = await ifExists(docker.getContainer(name).inspect());
  if (!ran || (current !== undefined && current.Id !== successor)) return forgetSnapshot(context, snapshot); // F1
  if (await isRemovedByOwner(context.host.engine, context.clock, container.Id)) {
    context.log.warn({ container: name, run }, "old container was removed by its owner; it is not made anew");
    return forgetSnapshot(context, snapshot);
  }
  context.log.warn({ container: name, run }, "old container is gone; it can be made anew from its snapshot");
  return { ...(shown ?? nothing), current, gone: container };
}

async function forgetSnapshot(context: SwapSearchContext, snapshot: Snapshot): Promise<undefined> {
  const name = containerNameIn(snapshot);
  await dropSnapshot(context, snapshot.run, name);
  await releaseImage(context.host.engine, { run: snapshot.run, name });
}

/** A prune may have removed the marker volume. A dependency may be a dependant, too, or be updated itself. */
export function addUnmarkedDependencies(
  markers: readonly RunMarker[],
  snapshots: readonly Snapshot[],
): RunMarker[] {
  const dependencies = snapshots.filter(
    ({ role, stopped_before: isStopped }) => role === "dependency" || isStopped === true,
  );
  const runs = new Set([...markers, ...dependencies].map(({ run }) => run));
  return [...runs].map((run) => {
    const stopped = markers.find((marker) => marker.run === run)?.stopped ?? [];
    const missing = dependencies
      .filter(
        (snapshot) => snapshot.run === run && !stopped.some(({ name }) => name === containerNameIn(snapshot)),
      )
      .map((snapshot) => ({ id: snapshot.container.Id, name: containerNameIn(snapshot) }));
    return { run, stopped: [...stopped, ...missing] };
  });
}
