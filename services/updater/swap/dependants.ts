// Containers that refer to one that is replaced: they share its network, pid or ipc namespace, or link to it. The
// Engine keeps those references by id (links by a container that must run), so they are recreated, on their own image,
// directly or through one another, in the same transaction.
//   D1  Their originals are kept until the parent's own backup goes.
//   D2  Undoing takes their successors away first, and starts the originals last: they need the old parent running. So
//       do those that were not touched: a started parent has a new namespace.
import { ALREADY_SO, type Engine, ifThere, tolerating } from "../../../shared/engine.ts";
import type { ContainerInspectInfo } from "dockerode";
import { explain } from "../../../shared/errors.ts";
import { type ContainerDocument, type ImageDocument, sharesContainer } from "../create/inspect.ts";
import { letStopEnd, stopContainer } from "./stop-container.ts";
import { type Watching, runSteps, undoSteps } from "./saga.ts";
import {
  type Swap,
  type SwapStep,
  create,
  moveAside,
  parkPolicy,
  removeBackup,
  start,
  stop,
  takeName,
} from "./swap.ts";
import { parseSwapName, userName } from "./swap-names.ts";

const silent: Watching = {
  begins: () => undefined,
  did: () => undefined,
  undid: () => undefined,
  monotonic: () => 0,
  again: () => Promise.resolve(false), // the transaction around it tries again
};

/** D2: the first of all steps, so that its undo is the last. */
export const letDependantsRun: SwapStep = {
  name: "look for dependants",
  do: async (swap) => {
    swap.dependants = await findDependants(swap);
  },
  undo: async (swap) => {
    for (const dependant of swap.dependants.filter(ranBefore)) await letRun(dependant);
  },
};

/** One that ran on while a parent was stopped and started is cut off from it, and started anew. */
async function letRun({ engine, clock, old, proof }: Swap): Promise<void> {
  const container = engine.docker.getContainer(old.Id);
  const inspect = await container.inspect();
  if (await isCutOff(engine, inspect)) await stopContainer({ engine, clock, ...proof }, old);
  else await letStopEnd({ engine, clock }, inspect);
  await tolerating([ALREADY_SO], container.start());
}

/** It shares a namespace that nobody else is in any more, or knows an address that is its parent's no more. */
async function isCutOff(engine: Engine, { State, HostConfig }: ContainerInspectInfo): Promise<boolean> {
  if (!State.Running) return false;
  const modes = [HostConfig.NetworkMode, HostConfig.IpcMode].filter((mode) => sharesContainer(mode));
  const linked = ((HostConfig.Links ?? []) as string[]).map((link) =>
    link.replace(/^\//, "").replace(/:.*/, ""),
  );
  for (const parent of [...modes.map((mode) => mode?.slice("container:".length) ?? ""), ...linked]) {
    const inspect = await ifThere(engine.docker.getContainer(parent).inspect());
    if (inspect !== undefined && Date.parse(inspect.State.StartedAt) > Date.parse(State.StartedAt))
      return true;
  }
  return false;
}

export const recreateDependants: SwapStep = {
  name: "recreate the dependants",
  do: async (swap) => {
    for (const dependant of swap.dependants) {
      const hard = swap.hardHooks?.isHard(dependant.old.Id) ? swap.hardHooks : undefined;
      await hard?.before(dependant.old);
      await recreate(dependant);
      await hard?.after(dependant.old, dependant.successor ?? dependant.name);
    }
  },
  undo: async (swap) => {
    for (const dependant of swap.dependants.toReversed()) await takeAway(dependant);
  },
};

/** Its start is undone by `letDependantsRun`. */
const stopOnly: SwapStep = { name: stop.name, do: stop.do };
const startIfItRan: SwapStep = {
  ...start,
  do: async (swap) => {
    if (!ranBefore(swap)) return;
    await start.do(swap);
    const { State } = await swap.engine.docker.getContainer(swap.successor ?? swap.name).inspect();
    if (!State.Running)
      throw new Error(`${swap.name} exited with code ${State.ExitCode} after it was recreated`);
  },
};
/** One dependant, on its own image. */
export const recreateSteps: readonly SwapStep[] = [
  create,
  stopOnly,
  moveAside,
  takeName,
  parkPolicy,
  startIfItRan,
];

/** @throws Error where it could not be recreated; what was begun is undone then, but it does not run. */
export async function recreate(dependant: Swap): Promise<void> {
  const done = dependant.successor === undefined ? [] : recreateSteps.slice(0, 4); // by an earlier process
  const outcome = await runSteps(recreateSteps.slice(done.length), dependant, silent, done);
  if (outcome.kind === "done") return;
  throw new Error(`${dependant.name} could not be recreated: ${explain(outcome.cause)}`, {
    cause: outcome.cause,
  });
}

/** Puts the names back and removes the successor; starting the original is left to the caller. */
export async function takeAway(dependant: Swap): Promise<void> {
  const [first] = await undoSteps(recreateSteps, dependant, silent);
  if (first !== undefined)
    throw new Error(`${dependant.name}: "${first.step}" could not be undone`, { cause: first.error });
}

/** All containers that refer to it, parents before children. */
async function findDependants(swap: Swap): Promise<Swap[]> {
  const references = await swap.references.of(swap.engine);
  const inspect = (id: string) => ifThere(swap.engine.docker.getContainer(id).inspect());
  const found: ContainerInspectInfo[] = [];
  const parents = [await inspect(swap.old.Id)];
  for (let parent = parents.shift(); parent !== undefined; parent = parents.shift()) {
    for (const [id, targets] of references) {
      const isKnown = id === swap.old.Id || id === swap.successor || found.some(({ Id }) => Id === id);
      const isByUserName = targets.includes(userName(parent.Name.slice(1)));
      if (isKnown || !(isAmong(targets, parent) || isByUserName)) continue;
      const dependant = await inspect(id);
      if (dependant === undefined || parseSwapName(dependant.Name.slice(1))?.part === "successor") continue;
      if (!isAmong(targets, parent) && !isOlder(dependant, swap)) continue;
      found.push(dependant);
      parents.push(dependant);
    }
  }
  return Promise.all(targetsFirst(found, references).map((dependant) => dependantOf(swap, dependant)));
}

/** Namespaces are referred to by id, links by the name that the target bears now. */
const isAmong = (targets: readonly string[], { Id: id, Name: name }: ContainerInspectInfo): boolean =>
  targets.some((target) => target === name.slice(1) || (target.length >= 12 && id.startsWith(target)));

/**
 * An Engine that restarts looks links up by the names of that moment, and takes the successor for what a linker means. One
 * that was made after the successor means it indeed.
 */
const isOlder = ({ Created }: ContainerInspectInfo, { resumedSince }: Swap): boolean =>
  resumedSince !== undefined && Date.parse(Created) < Date.parse(resumedSince);

/** Each after all that it refers to itself: the Engine resolves links and namespaces when it creates. */
function targetsFirst(
  found: readonly ContainerInspectInfo[],
  references: ReadonlyMap<string, readonly string[]>,
): ContainerInspectInfo[] {
  const order: ContainerInspectInfo[] = [];
  const placing = new Set<ContainerInspectInfo>();
  const place = (inspect: ContainerInspectInfo): void => {
    if (placing.has(inspect)) return;
    placing.add(inspect);
    const targets = references.get(inspect.Id) ?? [];
    for (const other of found) if (isAmong(targets, other)) place(other);
    order.push(inspect);
  };
  found.forEach(place);
  return order;
}

/** What bears a backup name of this run was recreated by an earlier process. */
async function dependantOf(swap: Swap, inspect: ContainerInspectInfo): Promise<Swap> {
  const isBackup = parseSwapName(inspect.Name.slice(1)) !== undefined;
  const recreated = isBackup
    ? await ifThere(swap.engine.docker.getContainer(userName(inspect.Name.slice(1))).inspect())
    : undefined;
  if (recreated === undefined) return swapOnOwnImage(swap, inspect);
  swap.replaced.set(inspect.Id, recreated.Id);
  const { RestartPolicy } = recreated.HostConfig; // the original's may be parked
  const unparked = {
    ...inspect,
    HostConfig: { ...inspect.HostConfig, ...(RestartPolicy && { RestartPolicy }) },
  };
  return swapOnOwnImage(swap, unparked, recreated.Id);
}

/** A swap of another container in the transaction of `swap`, on the image that it has. */
export async function swapOnOwnImage(
  swap: Omit<Swap, "old" | "oldImage" | "newImage" | "name">,
  inspect: ContainerInspectInfo,
  successor?: string,
): Promise<Swap> {
  const image = (await swap.engine.docker.getImage(inspect.Image).inspect()) as unknown as ImageDocument;
  return {
    ...swap,
    name: userName(inspect.Name.slice(1)),
    old: inspect as unknown as ContainerDocument,
    oldImage: image,
    newImage: image,
    beforeStop: () => Promise.resolve(),
    successor,
    dependants: [],
  };
}

/** It runs, or ended for this: as a dependency, with one whose namespace it shares, or under an earlier process. */
export function ranBefore({ old, ran, resumedSince }: Swap): boolean {
  const { State } = old as unknown as ContainerInspectInfo;
  const byUs = resumedSince !== undefined && Date.parse(State.FinishedAt) >= Date.parse(resumedSince);
  return State.Running || ran.has(old.Id) || byUs;
}

/** U2 and D1: the old containers go, their volumes stay. */
export async function commit(swap: Swap): Promise<void> {
  await commitDependants(swap); // podman: children first
  await removeBackup(swap);
}

export async function commitDependants(swap: Swap): Promise<void> {
  for (const dependant of swap.dependants.toReversed()) await removeBackup(dependant);
}
