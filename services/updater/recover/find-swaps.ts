// What there is of swaps that are not over: what the Engine shows, and what snapshots know of old containers that are gone.
//   F1  What bears the name of a container that is gone, and is no part of its swap, was put there by its owner: it stays.
//   F2  What its owner removed stays away; what a prune took, or nobody knows who, is made anew.
//   F3  Of several snapshots of one container the newest counts.
//   F4  What was made to replace a container that a killed Engine starts no more (remake-container.ts: N3) is removed where that one is
//       still there: it is tried again.
import type { ContainerInspectInfo } from "dockerode";
import { ifExists } from "../../../shared/docker/engine.ts";
import type { RunMarker } from "../journal/run-marker.ts";
import { type Snapshot, dropSnapshot, containerNameIn } from "../journal/snapshot-store.ts";
import { isRemovedByOwner } from "../containers/container-removals.ts";
import { releaseImage } from "../swap/rollback-resources.ts";
import { removeContainer } from "../containers/rename-container.ts";
import { type SwapContainers, findSwapContainers } from "../swap/swap-containers.ts";
import type { FoundSwap, SwapRecoveryContext } from "./interrupted-swap.ts";

type SwapSearchContext = Pick<SwapRecoveryContext, "host" | "log" | "clock" | "settings" | "snapshots">;

export async function findSwaps(it: SwapSearchContext): Promise<FoundSwap[]> {
  const all = await findSwapContainers(it.host.engine);
  const shown = (await Promise.all(all.map((parts) => removeHalfMade(it, parts)))).flat();
  const found = new Map<string, FoundSwap>(shown.map((parts) => [keyOf(parts), parts]));
  const names = new Set<string>();
  for (const snapshot of it.snapshots.filter(({ role }) => role !== "dependency")) {
    const name = containerNameIn(snapshot);
    if (names.has(name) || isOfParent(snapshot, [...found.values(), ...goneOf(it)])) continue;
    names.add(name);
    const parts = await matchSnapshot(it, snapshot, found.get(keyOf({ name, run: snapshot.run })));
    if (parts !== undefined) found.set(keyOf(parts), parts);
  }
  return [...found.values()];
}

/** F4 */
async function removeHalfMade(it: SwapSearchContext, parts: SwapContainers): Promise<SwapContainers[]> {
  const { theirs, backup, ...rest } = parts;
  const current = rest.current ?? theirs;
  const isOwn = it.snapshots.some(
    (one) => one.run === rest.run && containerNameIn(one) === rest.name && one.container.Id === current?.Id,
  );
  if (backup === undefined || !isOwn || backup.State.Status !== "created") return [parts];
  await removeContainer({ ...it, engine: it.host.engine }, backup.Id, { v: false });
  return rest.successor === undefined ? [] : [{ ...rest, current, backup: undefined }];
}

const keyOf = ({ name, run }: Pick<FoundSwap, "name" | "run">): string => `${name} ${run}`;

const goneOf = ({ snapshots }: SwapSearchContext): Pick<FoundSwap, "name" | "run">[] =>
  snapshots
    .filter(({ role }) => role === "updated")
    .map((snapshot) => ({ name: containerNameIn(snapshot), run: snapshot.run }));

/** It goes the way of its parent, which finds it by its snapshot. */
const isOfParent = ({ parent, run }: Snapshot, others: readonly Pick<FoundSwap, "name" | "run">[]): boolean =>
  others.some((one) => one.name === parent && one.run === run);

/** Undefined where nothing is to be done. */
async function matchSnapshot(
  it: SwapSearchContext,
  snapshot: Snapshot,
  shown: FoundSwap | undefined,
): Promise<FoundSwap | undefined> {
  const { docker } = it.host.engine;
  const [name, { run, ran, container, successor }] = [containerNameIn(snapshot), snapshot];
  const inspect = await ifExists(docker.getContainer(container.Id).inspect());
  const nothing = { name, run, current: undefined, successor: undefined, backup: undefined };
  if (inspect !== undefined) {
    // A prune may have taken what else there was; one that was started since then is not down by our doing.
    const isDown = ran && !inspect.State.Running && inspect.State.StartedAt === snapshot.started_at;
    return shown === undefined && isDown && inspect.Name === `/${name}`
      ? { ...nothing, current: inspect }
      : undefined;
  }
  if (shown?.backup !== undefined) return undefined; // made anew by an earlier process
  const current = await ifExists(docker.getContainer(name).inspect());
  if (!ran || (current !== undefined && current.Id !== successor)) return forgetSnapshot(it, snapshot); // F1
  if (await isRemovedByOwner(it.host.engine, it.clock, container.Id)) {
    it.log.warn({ container: name, run }, "old container was removed by its owner; it is not made anew");
    return forgetSnapshot(it, snapshot);
  }
  it.log.warn({ container: name, run }, "old container is gone; it can be made anew from its snapshot");
  return { ...(shown ?? nothing), current, gone: container as unknown as ContainerInspectInfo };
}

async function forgetSnapshot(it: SwapSearchContext, snapshot: Snapshot): Promise<undefined> {
  const name = containerNameIn(snapshot);
  await dropSnapshot(it, snapshot.run, name);
  await releaseImage(it.host.engine, { run: snapshot.run, name });
}

/** A prune may have taken the marker volume. */
export function addUnmarkedDependencies(
  markers: readonly RunMarker[],
  snapshots: readonly Snapshot[],
): RunMarker[] {
  const dependencies = snapshots.filter(({ role }) => role === "dependency");
  const runs = new Set([...markers, ...dependencies].map(({ run }) => run));
  return [...runs].map((run) => {
    const stopped = markers.find((marker) => marker.run === run)?.stopped ?? [];
    const missing = dependencies
      .filter((one) => one.run === run && !stopped.some(({ name }) => name === containerNameIn(one)))
      .map((one) => ({ id: one.container.Id, name: containerNameIn(one) }));
    return { run, stopped: [...stopped, ...missing] };
  });
}
