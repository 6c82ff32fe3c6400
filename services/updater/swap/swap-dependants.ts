// Containers that refer to one that is replaced: they share its network, pid or ipc namespace, or link to it. The
// Engine keeps those references by id (links by a container that must run), so they are recreated, directly or through one
// another, in the same transaction: on the image they have, or on their new one where they are to be updated too.
//   D1  Their originals are kept until the parent's own backup goes.
//   D2  Undoing takes their successors away first, and starts the originals last: they need the old parent running. So
//       do those that were not touched: a started parent has a new namespace.
// Here is who they are; how they run on or are recreated is recreate-dependants.ts's.
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import type { ContainerInspectInfo } from "dockerode";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { containerNameIn } from "../journal/snapshot-store.ts";
import { NO_LINKED_SWAPS, type Swap } from "./swap.ts";
import { wasRunning } from "./was-running.ts";
import { parseSwapName, userGivenName } from "../../../shared/containers/swap-names.ts";

export async function findSwapDependants(swap: Swap): Promise<Swap[]> {
  const there = await Promise.all(
    (await findReferrers(swap)).map((dependant) => dependantOf(swap, dependant)),
  );
  return [...there, ...goneDependants(swap, there)];
}

/** Those that a prune took, and those whose links the Engine forgot with their target, in the order of their snapshots. */
function goneDependants(swap: Swap, there: readonly Swap[]): Swap[] {
  const ofIt = (swap.snapshots ?? []).filter(({ parent }) => parent === swap.name);
  const gone = ofIt.filter((snapshot) => !there.some(({ name }) => name === containerNameIn(snapshot)));
  return gone.map(({ container, image, new_image: newImage = image, successor }) => {
    if (successor !== undefined) swap.replaced.set(container.Id, successor);
    return { ...ownSwap({ ...swap, parent: swap.name }, container, image), newImage, successor };
  });
}

type ReferredContainer = Pick<
  Swap,
  "engine" | "references" | "old" | "successor" | "resumedSince" | "snapshots"
>;

/** All containers that refer to it, parents before children. */
export async function findReferrers(swap: ReferredContainer): Promise<ContainerInspectInfo[]> {
  const references = await swap.references.list(swap.engine);
  const inspect = (id: string) => ifExists(swap.engine.docker.getContainer(id).inspect());
  const found: ContainerInspectInfo[] = [];
  const old = swap.old as unknown as ContainerInspectInfo;
  // Where a prune took it nobody links to it any more.
  const parents: (ContainerInspectInfo | undefined)[] = [(await inspect(old.Id)) ?? { ...old, Name: "" }];
  for (let parent = parents.shift(); parent !== undefined; parent = parents.shift()) {
    for (const [id, targets] of references) {
      const isKnown = id === swap.old.Id || id === swap.successor || found.some(({ Id }) => Id === id);
      const isByUserName = targets.includes(userGivenName(parent.Name.slice(1)));
      if (isKnown || !(isReferredTo(targets, parent) || isByUserName)) continue;
      const dependant = await inspect(id);
      if (dependant === undefined || parseSwapName(dependant.Name.slice(1))?.part === "successor") continue;
      if (!isReferredTo(targets, parent) && !predatesSuccessor(dependant, swap)) continue;
      found.push(dependant);
      parents.push(dependant);
    }
  }
  return sortTargetsFirst(found, references);
}

/** Namespaces are referred to by id, links by the name that the target bears now. */
export const isReferredTo = (
  targets: readonly string[],
  { Id: id, Name: name }: ContainerInspectInfo,
): boolean =>
  targets.some((target) => target === name.slice(1) || (target.length >= 12 && id.startsWith(target)));

/**
 * An Engine that restarts looks links up by the names of that moment, and takes the successor for what a linker means. One
 * that was made after the successor means it indeed.
 */
export const predatesSuccessor = (
  { Id: id, Created }: ContainerInspectInfo,
  { resumedSince, snapshots = [] }: Pick<Swap, "resumedSince" | "snapshots">,
): boolean => {
  if (resumedSince === undefined) return false;
  if (snapshots.some(({ container }) => container.Id === id)) return true;
  if (snapshots.some(({ successor }) => successor === id)) return false;
  return Date.parse(Created) < Date.parse(resumedSince); // its clock may have been set back since
};

/** Each after all that it refers to itself: the Engine resolves links and namespaces when it creates. */
function sortTargetsFirst(
  found: readonly ContainerInspectInfo[],
  references: ReadonlyMap<string, readonly string[]>,
): ContainerInspectInfo[] {
  const order: ContainerInspectInfo[] = [];
  const placing = new Set<ContainerInspectInfo>();
  const place = (inspect: ContainerInspectInfo): void => {
    if (placing.has(inspect)) return;
    placing.add(inspect);
    const targets = references.get(inspect.Id) ?? [];
    for (const other of found) if (isReferredTo(targets, other)) place(other);
    order.push(inspect);
  };
  found.forEach(place);
  return order;
}

/** What bears a backup name of this run was recreated by an earlier process. */
async function dependantOf(swap: Swap, inspect: ContainerInspectInfo): Promise<Swap> {
  const within = { ...swap, parent: swap.name };
  const isBackup = parseSwapName(inspect.Name.slice(1)) !== undefined;
  const recreated = isBackup
    ? await ifExists(swap.engine.docker.getContainer(userGivenName(inspect.Name.slice(1))).inspect())
    : undefined;
  if (recreated === undefined) {
    const own = await makeOwnImageSwap(within, inspect);
    const linked = wasRunningBefore(own) ? swap.linkedSwaps.get(own.name) : undefined;
    return { ...own, ...linked };
  }
  swap.replaced.set(inspect.Id, recreated.Id);
  const own = await makeOwnImageSwap(within, restorePolicy(inspect, recreated), recreated.Id);
  return { ...own, newImage: await imageOf(swap.engine, recreated) };
}

/** The old container's own restart policy may be parked; its successor was made with it. */
export function restorePolicy(
  old: ContainerInspectInfo,
  successor: ContainerInspectInfo,
): ContainerInspectInfo {
  const { RestartPolicy } = successor.HostConfig;
  return { ...old, HostConfig: { ...old.HostConfig, ...(RestartPolicy && { RestartPolicy }) } };
}

/** A swap of another container in the transaction of `swap`, on the image that it has. */
export async function makeOwnImageSwap(
  swap: Transaction,
  inspect: ContainerInspectInfo,
  successor?: string,
): Promise<Swap> {
  const old = inspect as unknown as ContainerDocument;
  return { ...ownSwap(swap, old, await imageOf(swap.engine, inspect)), successor };
}

type Transaction = Omit<Swap, "old" | "oldImage" | "newImage" | "name">;

function ownSwap(
  { reference: _its, watching: _told, ...swap }: Transaction,
  old: ContainerDocument,
  image: ImageDocument,
): Swap {
  return {
    ...swap,
    name: userGivenName(old.Name.slice(1)),
    old,
    verification: swap.verificationFor(old, image),
    linkedSwaps: NO_LINKED_SWAPS,
    oldImage: image,
    newImage: image,
    beforeStop: () => Promise.resolve(),
    successor: undefined,
    dependants: [],
  };
}

const imageOf = async ({ docker }: Engine, { Image }: ContainerInspectInfo): Promise<ImageDocument> =>
  (await docker.getImage(Image).inspect()) as unknown as ImageDocument;

/** It runs, or ended for this: as a dependency, with one whose namespace it shares, or under an earlier process. */
export const wasRunningBefore = ({ old, resumedSince, ...known }: Swap): boolean =>
  wasRunning(known, old as unknown as ContainerInspectInfo, resumedSince);
