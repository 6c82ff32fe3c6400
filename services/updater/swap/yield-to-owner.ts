// Yields to the owner: if the owner of a container gave its name to a container of their own during the update, the
// owner's container has priority. replacement.ts finds that container.
//   Y1  No container of ours is started while the owner's container exists. The Engine cannot compare and start in
//       one call, so right after a start we look again, and stop the container that we started.
//   Y2  If somebody removed, renamed or stopped the container that had the name, the name is left to them for a
//       while. A prune needs no name.
//   Y3  The old container is removed if the owner removed the one that had its name. Otherwise it is kept, stopped,
//       under another name.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { NOT_MODIFIED, NOT_FOUND, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { Expired } from "../../../shared/errors.ts";
import { type UserMessage, reasonOf } from "../../../shared/catalogue/entry.ts";
import { changedMeanwhile } from "../../../shared/catalogue/update-failures.ts";
import {
  type Replacement,
  type ReplacementContext,
  findReplacement,
  describeReplacement,
} from "./replacement.ts";
import { listActions } from "../containers/container-events.ts";
import { isPruned, isRemovedByOwner } from "../containers/container-removals.ts";
import { removeContainer, renameContainer } from "../containers/rename-container.ts";
import { stopContainer } from "../containers/stop-container.ts";
import { keptName, parseSwapName, successorName } from "../../../shared/containers/swap-names.ts";

/** The parts of a swap (swap.ts) that this needs. */
export interface YieldContext extends ReplacementContext {
  readonly run: string;
  readonly verification: { readonly hardStop: AbortSignal };
  readonly resumedSince?: string;
  /** The container that the owner put in its place, by the last look. */
  replacement?: Replacement | undefined;
  /** The name under which the old container is kept (Y3). */
  kept?: string | undefined;
  /** The wait of Y2 is over. */
  hasLeftName?: boolean;
  /** The owner removed the old container while it ran, or with its successor. */
  isRemoved?: boolean;
}

const LEFT_TO_OWNER_MS = 5000;
const LEFT_TO_COMPOSE_MS = 3000;
const LOOK_EVERY_MS = 100;

const nameOf = ({ Name }: ContainerInspection): string => Name.slice(1);
const inspectOf = ({ engine }: ReplacementContext, id: string): Promise<ContainerInspection | undefined> =>
  ifExists(engine.docker.getContainer(id).inspect());

/** Looks again, and stores the result in the swap. */
export async function lookForReplacement(swap: YieldContext): Promise<Replacement | undefined> {
  swap.replacement = await findReplacement(swap);
  return swap.replacement;
}

/** Y2. Resolves with the container that the owner put in its place. */
export async function leaveNameToOwner(swap: YieldContext): Promise<Replacement | undefined> {
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const found = await lookForReplacement(swap);
    if (found !== undefined || swap.hasLeftName === true || !(await isNameLost(swap))) return found;
    if (waited >= LEFT_TO_OWNER_MS) swap.hasLeftName = true;
    else await swap.clock.sleep(LOOK_EVERY_MS, swap.verification.hardStop);
    if (swap.verification.hardStop.aborted) return found;
  }
}

/**
 * Neither the old container nor the successor has the name, and not because we are exchanging their names; or
 * somebody ended the successor that has it.
 */
async function isNameLost(swap: YieldContext): Promise<boolean> {
  const { successor: id, name, old } = swap;
  if (id === undefined) return false;
  const [before, successor] = await Promise.all([inspectOf(swap, old.Id), inspectOf(swap, id)]);
  if (before !== undefined && nameOf(before) === name) return false;
  if (successor !== undefined && nameOf(successor) === name) return isEnded(swap, successor);
  const gone = [isGoneOrGoing(before) ? [old.Id] : [], isGoneOrGoing(successor) ? [id] : []].flat();
  if (gone.length > 0) return !(await isEach(gone, (goneId) => isPruned(swap.engine, goneId)));
  return (
    (successor !== undefined && isRenamedByOwner(swap, successor)) ||
    (before !== undefined && !isBackup(before))
  );
}

/** It does not exist, or is being removed right now. */
export const isGoneOrGoing = (inspect: ContainerInspection | undefined): boolean =>
  inspect === undefined || REMOVING.includes(inspect.State.Status);

const REMOVING: readonly string[] = ["removing", "dead"];

async function isEach(ids: readonly string[], rule: (id: string) => Promise<boolean>): Promise<boolean> {
  return (await Promise.all(ids.map(rule))).every(Boolean);
}

/** The first visible effect of `docker rm -f` is that the container ends; and `docker rm` follows `docker stop`. */
async function isEnded(
  { engine, resumedSince }: YieldContext,
  { Id: id, State }: ContainerInspection,
): Promise<boolean> {
  if (State.Running) return false;
  if (REMOVING.includes(State.Status)) return true;
  if (resumedSince !== undefined) return false; // an earlier process may have stopped it
  return (await listActions(engine, id, () => Date.parse(State.StartedAt))).includes("kill");
}

export const isBackup = (inspect: ContainerInspection): boolean =>
  parseSwapName(nameOf(inspect))?.part === "backup";

/** The owner gave it a name that is none of ours. */
const isRenamedByOwner = ({ name, run }: YieldContext, inspect: ContainerInspection): boolean =>
  ![name, successorName(name, run)].includes(nameOf(inspect));

/** The owner took the successor over under another name, and put another container in its place. */
export const isTakenByOwner = (swap: YieldContext, successor: ContainerInspection): boolean =>
  swap.replacement !== undefined && isRenamedByOwner(swap, successor);

/** Y3. `own`: the old container, or the one that was recreated for it. */
export async function yieldToOwner(swap: YieldContext, found: Replacement, own: string): Promise<void> {
  const inspect = await inspectOf(swap, own);
  if (inspect !== undefined && isBackup(inspect)) await standAside(swap, found, inspect);
  if (found.by === "service") await finishReplacing(swap, found.id);
}

async function standAside(swap: YieldContext, found: Replacement, own: ContainerInspection): Promise<void> {
  const { engine, name, run } = swap;
  if (own.State.Running) await stopAgain(swap, own);
  if (found.by !== "place" && (await isSuccessorGone(swap)))
    return removeContainer(swap, own.Id, { v: false });
  if (!["", "no"].includes(own.HostConfig.RestartPolicy?.Name ?? ""))
    await ignoreStatuses(
      [NOT_FOUND],
      engine.docker.getContainer(own.Id).update({ RestartPolicy: { Name: "no" } }),
    );
  swap.kept = keptName(name, run);
  await renameContainer(engine, own.Id, swap.kept);
}

/** Waits a while: another updater renames the container that it replaces, and removes it a moment later. */
async function isSuccessorGone(swap: YieldContext): Promise<boolean> {
  const { successor: id, clock } = swap;
  if (id === undefined) return false;
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const successor = await inspectOf(swap, id);
    if (successor === undefined) return true;
    if (
      waited >= LEFT_TO_OWNER_MS ||
      !isRenamedByOwner(swap, successor) ||
      swap.verification.hardStop.aborted
    )
      return false;
    await clock.sleep(LOOK_EVERY_MS, swap.verification.hardStop);
  }
}

/** Y1. Resolves with whether the owner's container exists; if so, `own` is stopped, though it was just started. */
export async function yieldAfterStart(swap: YieldContext, own: string): Promise<boolean> {
  const found = await lookForReplacement(swap);
  if (found === undefined) return false;
  const inspect = await inspectOf(swap, own);
  if (inspect?.State.Running) await stopAgain(swap, inspect);
  await yieldToOwner(swap, found, own);
  return true;
}

export const stopAgain = (swap: YieldContext, inspect: ContainerInspection): Promise<void> =>
  stopContainer({ ...swap, ...swap.verification }, inspect);

/**
 * Compose gives up if the name is still taken when it renames, and leaves its new container without the name and not
 * started. That one is then all there is of the container, so this names and starts it.
 */
async function finishReplacing({ engine, clock, name }: YieldContext, id: string): Promise<void> {
  const container = engine.docker.getContainer(id);
  for (let waited = 0; waited < LEFT_TO_COMPOSE_MS; waited += LOOK_EVERY_MS) {
    const inspect = await ifExists(container.inspect());
    if (inspect === undefined || nameOf(inspect) === name) return;
    await clock.sleep(LOOK_EVERY_MS);
  }
  await renameContainer(engine, id, name);
  await ignoreStatuses([NOT_MODIFIED, NOT_FOUND], container.start());
}

/** The owner removed the old container and the successor, as `docker compose down` does. */
export async function areBothRemoved(swap: YieldContext): Promise<boolean> {
  const { engine, clock, old, successor } = swap;
  if (successor === undefined || (await inspectOf(swap, successor)) !== undefined) return false;
  for (const id of [old.Id, successor]) if (!(await isRemovedByOwner(engine, clock, id))) return false;
  swap.isRemoved = true;
  return true;
}

/** Why the update expires: the owner's container exists, or existed when the update was undone. */
export async function whyYielded(swap: YieldContext): Promise<UserMessage | undefined> {
  if (swap.isRemoved === true) return reasonOf(changedMeanwhile.removed);
  const found = swap.replacement ?? (await lookForReplacement(swap));
  return found && describeReplacement(found, swap.kept);
}

/** Y1. @throws Expired if the owner's container exists. */
export async function expectNoReplacement(swap: YieldContext): Promise<void> {
  const found = await lookForReplacement(swap);
  if (found !== undefined) throw new Expired(describeReplacement(found, swap.kept));
}

/** @throws Expired if the owner removed the container while it ran: a prune removes only stopped containers. */
export async function expectNotRemoved<T>(swap: YieldContext, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const { State } = swap.old;
    if (!State.Running || (await inspectOf(swap, swap.old.Id)) !== undefined) throw error;
    swap.isRemoved = true;
    throw new Expired(reasonOf(changedMeanwhile.removed), { cause: error });
  }
}
