// Finds the dependants of a container that is replaced: they share its network, pid or ipc namespace, or link to it,
// directly or through another dependant. The Engine keeps such a reference by id (a link needs its target running),
// so they are recreated in the same transaction: on their current image, or on their new one if they are to be
// updated too.
//   D1  The old containers of dependants are kept until the parent's own backup is removed.
//   D2  An undo removes the successors of dependants first and starts their old containers last: they need the old
//       parent running. So do dependants that were not recreated: a started parent has a new namespace.
// recreate-dependants.ts recreates them; start-dependants.ts starts the old ones after a rollback.
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { containerNameIn } from "../journal/snapshot-store.ts";
import { type Swap, type SwapContext, makeSwap } from "./swap-state.ts";
import { wasRunning } from "./was-running.ts";
import { parseSwapName, userGivenName } from "../../../shared/containers/swap-names.ts";

export async function findSwapDependants(swap: Swap): Promise<Swap[]> {
  const found = await Promise.all(
    (await findReferrers(swap)).map((dependant) => dependantOf(swap, dependant)),
  );
  return [...found, ...goneDependants(swap, found)];
}

/** Dependants that a prune removed, or whose links the Engine forgot with their target, in the order of snapshots. */
function goneDependants(swap: Swap, found: readonly Swap[]): Swap[] {
  const snapshots = (swap.snapshots ?? []).filter(({ parent }) => parent === swap.name);
  const gone = snapshots.filter((snapshot) => !found.some(({ name }) => name === containerNameIn(snapshot)));
  return gone.map(({ container, image, new_image: newImage = image, successor }) => {
    if (successor !== undefined) swap.replaced.set(container.Id, successor);
    const target = ownImageTarget(swap, container, image);
    return makeSwap(swap, { ...target, newImage, parent: swap.name }, successor);
  });
}

type ReferredContainer = Pick<
  Swap,
  "engine" | "references" | "old" | "successor" | "resumedSince" | "snapshots"
>;

/** All containers that refer to this one, parents before children. */
export async function findReferrers(swap: ReferredContainer): Promise<ContainerInspection[]> {
  const references = await swap.references.list(swap.engine);
  const inspect = (id: string) => ifExists(swap.engine.docker.getContainer(id).inspect());
  const found: ContainerInspection[] = [];
  const old = swap.old;
  // If a prune removed the old container, no link has its name any more.
  const parents: (ContainerInspection | undefined)[] = [(await inspect(old.Id)) ?? { ...old, Name: "" }];
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

/** Namespaces refer to a container by id, links by the name that it has now. */
export const isReferredTo = (
  targets: readonly string[],
  { Id: id, Name: name }: ContainerInspection,
): boolean =>
  targets.some((target) => target === name.slice(1) || (target.length >= 12 && id.startsWith(target)));

/**
 * An Engine that restarts resolves links by the current names, so a link may lead to the successor by mistake. Only a
 * container that was made after the successor really means it.
 */
export const predatesSuccessor = (
  { Id: id, Created }: ContainerInspection,
  { resumedSince, snapshots = [] }: Pick<Swap, "resumedSince" | "snapshots">,
): boolean => {
  if (resumedSince === undefined) return false;
  if (snapshots.some(({ container }) => container.Id === id)) return true;
  if (snapshots.some(({ successor }) => successor === id)) return false;
  return Date.parse(Created) < Date.parse(resumedSince); // the Engine's clock may have been set back since
};

/** Sorts each container after its targets: the Engine resolves links and namespaces in the create call. */
function sortTargetsFirst(
  found: readonly ContainerInspection[],
  references: ReadonlyMap<string, readonly string[]>,
): ContainerInspection[] {
  const order: ContainerInspection[] = [];
  const visited = new Set<ContainerInspection>();
  const visit = (inspect: ContainerInspection): void => {
    if (visited.has(inspect)) return;
    visited.add(inspect);
    const targets = references.get(inspect.Id) ?? [];
    for (const candidate of found) if (isReferredTo(targets, candidate)) visit(candidate);
    order.push(inspect);
  };
  found.forEach(visit);
  return order;
}

/** A container with a backup name was recreated by an earlier process. */
async function dependantOf(swap: Swap, inspect: ContainerInspection): Promise<Swap> {
  const isBackup = parseSwapName(inspect.Name.slice(1)) !== undefined;
  const recreated = isBackup
    ? await ifExists(swap.engine.docker.getContainer(userGivenName(inspect.Name.slice(1))).inspect())
    : undefined;
  const old = recreated === undefined ? inspect : restorePolicy(inspect, recreated);
  const own = { ...ownImageTarget(swap, old, await imageOf(swap.engine, old)), parent: swap.name };
  if (recreated === undefined) {
    const linked = wasRunningBefore({ ...swap, old }) ? swap.linkedSwaps.get(own.name) : undefined;
    return makeSwap(swap, { ...own, ...linked });
  }
  swap.replaced.set(old.Id, recreated.Id);
  return makeSwap(swap, { ...own, newImage: await imageOf(swap.engine, recreated) }, recreated.Id);
}

/** The old container's restart policy may be parked; its successor was made with the original policy. */
export function restorePolicy(old: ContainerInspection, successor: ContainerInspection): ContainerInspection {
  const { RestartPolicy } = successor.HostConfig;
  return { ...old, HostConfig: { ...old.HostConfig, ...(RestartPolicy && { RestartPolicy }) } };
}

/** A swap of another container on that container's current image. */
export async function makeOwnImageSwap(
  context: SwapContext,
  old: ContainerInspection,
  parent?: string,
): Promise<Swap> {
  const target = ownImageTarget(context, old, await imageOf(context.engine, old));
  return makeSwap(context, { ...target, parent });
}

const ownImageTarget = (
  { verificationFor }: SwapContext,
  old: ContainerInspection,
  image: ImageInspection,
) => ({
  name: userGivenName(old.Name.slice(1)),
  old,
  oldImage: image,
  newImage: image,
  verification: verificationFor(old, image),
});

const imageOf = async ({ docker }: Engine, { Image }: ContainerInspection): Promise<ImageInspection> =>
  await docker.getImage(Image).inspect();

/** It runs, or was stopped for this swap: as a dependency, with its namespace parent, or by an earlier process. */
export const wasRunningBefore = ({
  old,
  resumedSince,
  ...known
}: Pick<Swap, "old" | "resumedSince" | "ran" | "snapshots">): boolean => wasRunning(known, old, resumedSince);
