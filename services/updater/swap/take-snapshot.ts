// Takes the snapshot of a container, including its networks: `docker network prune` removes networks that no running
// container uses. Also recreates those networks.
import type Docker from "dockerode";
import type { NetworkInspectInfo } from "dockerode";
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { type Engine, ifExists, statusOf, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { inParallel } from "../../../shared/in-parallel.ts";
import { createOptionsFrom } from "../create/create-options.ts";
import { hasEndpoints } from "../create/inspect.ts";
import { findParentNames } from "./namespace-parents.ts";
import { wasRunning } from "./was-running.ts";
import { userGivenName } from "../../../shared/containers/swap-names.ts";
import { type SnapshotStore, type Snapshot, saveSnapshot, readSnapshot } from "../journal/snapshot-store.ts";

/** The container to take a snapshot of, and its transaction. */
export interface SnapshotSource {
  readonly engine: Engine;
  readonly snapshotStore: SnapshotStore;
  readonly run: string;
  readonly old: ContainerInspection;
  readonly oldImage: ImageInspection;
  readonly newImage?: ImageInspection;
  readonly parent?: string | undefined;
  readonly successor?: string | undefined;
  /** Ids of containers that ran before the run stopped anything. */
  readonly ran: ReadonlySet<string>;
  readonly snapshots?: readonly Snapshot[] | undefined;
  readonly resumedSince?: string;
}

/** Keeps a snapshot of the same container by an earlier process of the run, and updates only the swap's data. */
export async function takeSnapshot(source: SnapshotSource, role: Snapshot["role"]): Promise<void> {
  const { snapshotStore, run, old, successor } = source;
  const name = userGivenName(old.Name.replace(/^\//, "")); // an earlier process may have moved it aside
  const before = await readSnapshot(snapshotStore, run, name);
  if (before?.container.Id === old.Id && before.engine !== "")
    return saveSnapshot(snapshotStore, {
      ...before,
      ...(role !== "dependency" && { role, stopped_before: isStoppedBefore(before) }),
      ...(source.newImage !== undefined && { new_image: source.newImage }),
      ...(source.parent !== undefined && { parent: source.parent }),
      ...(successor !== undefined && { successor }),
    });
  const inspect = old;
  await saveSnapshot(snapshotStore, {
    ...{ version: 1, run, engine: source.engine.id, role },
    ...(source.parent !== undefined && { parent: source.parent }),
    ...(successor !== undefined && { successor }),
    ran: wasRunning(source, inspect, source.resumedSince),
    started_at: inspect.State.StartedAt,
    ...{ container: { ...old, Name: `/${name}` }, image: source.oldImage },
    ...(source.newImage !== undefined && { new_image: source.newImage }),
    networks: (await networksOf(source.engine, old)) as unknown as Snapshot["networks"],
    parents: await findParentNames(source.engine, old),
  });
}

const isStoppedBefore = ({ role, stopped_before = false }: Snapshot): boolean =>
  role === "dependency" || stopped_before;

/** From now on the snapshot describes the recreated container `made`, which has not been started yet. */
export async function moveSnapshot(
  store: SnapshotStore,
  { run, name, engine }: { readonly run: string; readonly name: string; readonly engine: Engine },
  made: string,
): Promise<void> {
  const before = await readSnapshot(store, run, name);
  if (before === undefined) return;
  const inspect = await engine.docker.getContainer(made).inspect();
  const container = { ...inspect, Name: `/${name}` };
  const parents = await findParentNames(engine, container);
  await saveSnapshot(store, { ...before, container, parents, started_at: inspect.State.StartedAt });
}

const PREDEFINED = ["bridge", "host", "none", "default"];
const AT_A_TIME = 4;
const FORBIDDEN = 403;

/** The networks that can be recreated; empty if a proxy before the Engine denies showing them. */
async function networksOf({ docker }: Engine, old: ContainerInspection): Promise<NetworkInspectInfo[]> {
  if (!hasEndpoints(old)) return [];
  const names = Object.keys(old.NetworkSettings.Networks ?? {}).filter((name) => !PREDEFINED.includes(name));
  const found = await inParallel(names, { all: AT_A_TIME }, async (name) => {
    const network = await ifExists<NetworkInspectInfo>(docker.getNetwork(name).inspect()).catch(ifForbidden);
    return network?.Scope === "local" ? [withoutMembers(network)] : [];
  });
  return found.flat();
}

function ifForbidden(error: unknown): undefined {
  if (statusOf(error) !== FORBIDDEN) throw error;
}

const withoutMembers = (network: NetworkInspectInfo): NetworkInspectInfo => ({ ...network, Containers: {} });

/** Recreates the networks of a snapshot that are gone. Resolves with whether there were any. */
export async function restoreNetworks({ docker }: Engine, { networks }: Snapshot): Promise<boolean> {
  let isRestored = false;
  for (const network of networks) {
    if ((await ifExists(docker.getNetwork(network.Name).inspect())) !== undefined) continue;
    const { Name, Driver, Internal, Attachable, EnableIPv6, EnableIPv4, IPAM, Options, Labels } =
      network as unknown as Docker.NetworkCreateOptions & { readonly EnableIPv4?: boolean };
    const options = { Driver, Internal, Attachable, EnableIPv6, EnableIPv4, IPAM, Options, Labels };
    await docker.createNetwork({ Name, ...options });
    isRestored = true;
  }
  return isRestored;
}

/** A stopped container keeps the old ids of its networks, so this attaches it to the recreated ones. */
export async function attachToRemadeNetworks(
  engine: Engine,
  id: string,
  snapshot: Snapshot,
): Promise<boolean> {
  const inspect = await engine.docker.getContainer(id).inspect();
  const { atCreate, later } = createOptionsFrom({
    ...{ old: snapshot.container, oldImage: snapshot.image, newImage: snapshot.image },
    ...{ api: engine.api, engineHostname: engine.hostname, replaced: new Map(), volumesFrom: new Map() },
  }).endpoints;
  let isAttached = false;
  for (const [name, EndpointConfig] of Object.entries({ ...atCreate, ...later })) {
    const network = engine.docker.getNetwork(name);
    const now = await ifExists<NetworkInspectInfo>(network.inspect());
    const known = inspect.NetworkSettings.Networks?.[name]?.NetworkID;
    if (now === undefined || known === now.Id) continue;
    await ignoreStatuses([403, 404, 500], network.disconnect({ Container: id, Force: true }));
    await network.connect({
      Container: id,
      EndpointConfig: EndpointConfig as unknown as Docker.EndpointSettings,
    });
    isAttached = true;
  }
  return isAttached;
}
