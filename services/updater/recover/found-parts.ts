// What there is of swaps that are not over: what the Engine shows, and what snapshots know of old containers that are gone.
//   F1  What bears the name of a container that is gone, and is no part of its swap, was put there by its owner: it stays.
//   F2  What its owner removed stays away; what a prune took, or nobody knows who, is made anew.
//   F3  Of several snapshots of one container the newest counts.
//   F4  What was made to replace a container that a killed Engine starts no more (make-anew.ts: N3) is removed where that one is
//       still there: it is tried again.
import type { ContainerInspectInfo } from "dockerode";
import { ifThere } from "../../../shared/engine.ts";
import type { Marker } from "../journal/marker.ts";
import { type Snapshot, dropSnapshot, nameIn } from "../journal/snapshots.ts";
import { isRemovedByOwner } from "../swap/removals.ts";
import { releaseImage } from "../swap/way-back.ts";
import { remove } from "../swap/rename.ts";
import { type SwapParts, findParts } from "../swap/swap-parts.ts";
import type { Found, RecoveringSwaps } from "./begun.ts";

type Looking = Pick<RecoveringSwaps, "host" | "log" | "clock" | "settings" | "snapshots">;

export async function foundParts(it: Looking): Promise<Found[]> {
  const all = await findParts(it.host.engine);
  const shown = (await Promise.all(all.map((parts) => withoutHalfMade(it, parts)))).flat();
  const found = new Map<string, Found>(shown.map((parts) => [keyOf(parts), parts]));
  const names = new Set<string>();
  for (const snapshot of it.snapshots.filter(({ role }) => role !== "dependency")) {
    const name = nameIn(snapshot);
    if (names.has(name) || isOfParent(snapshot, [...found.values(), ...goneOf(it)])) continue;
    names.add(name);
    const parts = await known(it, snapshot, found.get(keyOf({ name, run: snapshot.run })));
    if (parts !== undefined) found.set(keyOf(parts), parts);
  }
  return [...found.values()];
}

/** F4 */
async function withoutHalfMade(it: Looking, parts: SwapParts): Promise<SwapParts[]> {
  const { theirs, backup, ...rest } = parts;
  const current = rest.current ?? theirs;
  const isOwn = it.snapshots.some(
    (one) => one.run === rest.run && nameIn(one) === rest.name && one.container.Id === current?.Id,
  );
  if (backup === undefined || !isOwn || backup.State.Status !== "created") return [parts];
  await remove({ ...it, engine: it.host.engine }, backup.Id, { v: false });
  return rest.successor === undefined ? [] : [{ ...rest, current, backup: undefined }];
}

const keyOf = ({ name, run }: Pick<Found, "name" | "run">): string => `${name} ${run}`;

const goneOf = ({ snapshots }: Looking): Pick<Found, "name" | "run">[] =>
  snapshots
    .filter(({ role }) => role === "updated")
    .map((snapshot) => ({ name: nameIn(snapshot), run: snapshot.run }));

/** It goes the way of its parent, which finds it by its snapshot. */
const isOfParent = ({ parent, run }: Snapshot, others: readonly Pick<Found, "name" | "run">[]): boolean =>
  others.some((one) => one.name === parent && one.run === run);

/** Undefined where nothing is to be done. */
async function known(it: Looking, snapshot: Snapshot, shown: Found | undefined): Promise<Found | undefined> {
  const { docker } = it.host.engine;
  const [name, { run, ran, container, successor }] = [nameIn(snapshot), snapshot];
  const inspect = await ifThere(docker.getContainer(container.Id).inspect());
  const nothing = { name, run, current: undefined, successor: undefined, backup: undefined };
  if (inspect !== undefined) {
    // A prune may have taken what else there was; one that was started since then is not down by our doing.
    const isDown = ran && !inspect.State.Running && inspect.State.StartedAt === snapshot.started_at;
    return shown === undefined && isDown && inspect.Name === `/${name}`
      ? { ...nothing, current: inspect }
      : undefined;
  }
  if (shown?.backup !== undefined) return undefined; // made anew by an earlier process
  const current = await ifThere(docker.getContainer(name).inspect());
  if (!ran || (current !== undefined && current.Id !== successor)) return forget(it, snapshot); // F1
  if (await isRemovedByOwner(it.host.engine, it.clock, container.Id)) {
    it.log.warn({ container: name, run }, "old container was removed by its owner; it is not made anew");
    return forget(it, snapshot);
  }
  it.log.warn({ container: name, run }, "old container is gone; it can be made anew from its snapshot");
  return { ...(shown ?? nothing), current, gone: container as unknown as ContainerInspectInfo };
}

async function forget(it: Looking, snapshot: Snapshot): Promise<undefined> {
  const name = nameIn(snapshot);
  await dropSnapshot(it, snapshot.run, name);
  await releaseImage(it.host.engine, { run: snapshot.run, name });
}

/** A prune may have taken the marker volume. */
export function withDependencies(markers: readonly Marker[], snapshots: readonly Snapshot[]): Marker[] {
  const dependencies = snapshots.filter(({ role }) => role === "dependency");
  const runs = new Set([...markers, ...dependencies].map(({ run }) => run));
  return [...runs].map((run) => {
    const stopped = markers.find((marker) => marker.run === run)?.stopped ?? [];
    const missing = dependencies
      .filter((one) => one.run === run && !stopped.some(({ name }) => name === nameIn(one)))
      .map((one) => ({ id: one.container.Id, name: nameIn(one) }));
    return { run, stopped: [...stopped, ...missing] };
  });
}
