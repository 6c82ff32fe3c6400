// The two renames of a swap: the old container gets its backup name, then at once the successor gets the name.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { Expired } from "../../../shared/errors.ts";
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { changedMeanwhile } from "../../../shared/catalogue/update-failures.ts";
import { listActions } from "../containers/container-events.ts";
import { renameContainer } from "../containers/rename-container.ts";
import type { RecoverableStep } from "./swap-phase.ts";
import { backupName, successorName } from "../../../shared/containers/swap-names.ts";
import {
  type YieldContext,
  expectNoReplacement,
  isBackup,
  isGoneOrGoing,
  isTakenByOwner,
  leaveNameToOwner,
  yieldAfterStart,
} from "./yield-to-owner.ts";

interface NameExchange extends YieldContext {
  readonly isOwn?: true;
}

/** The backup name of Ouroboros's own container omits the successor's id: an earlier version must parse it. */
export const backupNameOf = ({ name, run, successor, isOwn }: NameExchange): string =>
  backupName(name, run, isOwn === true ? undefined : successor);

export const moveAside: RecoverableStep<NameExchange> = {
  name: "move the old container's name aside",
  isDone: ({ old }) => old === "aside" || old === "gone",
  marksAfter: "stop the old container",
  forDependant: "same",
  do: async (swap) => {
    const old = await findUnlessRemoved(swap);
    const now = old?.Name.slice(1) ?? swap.name;
    if (![swap.name, backupNameOf(swap)].includes(now))
      throw new Expired(reasonOf(changedMeanwhile.renamed, { name: now }));
    if (old !== undefined) return renameContainer(swap.engine, old.Id, backupNameOf(swap));
    await leaveNameToOwner(swap);
    await expectNoReplacement(swap);
  },
  undo: async (swap) => {
    const inspect = await ifExists(swap.engine.docker.getContainer(swap.old.Id).inspect());
    if (inspect === undefined || !isBackup(inspect)) return; // the owner renamed it
    if (await yieldAfterStart(swap, inspect.Id)) return;
    await renameContainer(swap.engine, inspect.Id, swap.name).catch(async (error: unknown) => {
      if (!(await yieldAfterStart(swap, inspect.Id))) throw error;
    });
  },
};

export const takeName: RecoverableStep<NameExchange> = {
  name: "give the name to the successor",
  isDone: ({ successor }) => successor === "named",
  needsSuccessor: true,
  forDependant: "same",
  do: async (swap) => {
    await nameSuccessor(swap);
    if (!isGoneOrGoing(await ifExists(swap.engine.docker.getContainer(swap.old.Id).inspect()))) return;
    // The owner's `rm -f` resolved the name just before the old container was renamed.
    await unnameSuccessor(swap);
    await leaveNameToOwner(swap);
    await expectNoReplacement(swap);
    await nameSuccessor(swap);
  },
  undo: (swap) => unnameSuccessor(swap),
};

const nameSuccessor = ({ engine, name, run, successor }: NameExchange): Promise<void> =>
  renameContainer(engine, successor ?? successorName(name, run), name);

/**
 * The old container; undefined if it is gone, or if its owner is removing it right now. It is down by now, so this
 * makes no call that is not needed.
 */
async function findUnlessRemoved(swap: NameExchange): Promise<ContainerInspection | undefined> {
  const findOld = () => ifExists(swap.engine.docker.getContainer(swap.old.Id).inspect());
  const old = await findOld();
  if (old === undefined || !isGoneOrGoing(old)) return old;
  await swap.clock.sleep(REMOVED_WITHIN_MS, swap.verification.hardStop);
  const now = await findOld();
  return isGoneOrGoing(now) ? undefined : now;
}

async function unnameSuccessor(swap: NameExchange): Promise<void> {
  const { engine, name, run } = swap;
  const temporary = successorName(name, run);
  const findSuccessor = () => ifExists(engine.docker.getContainer(swap.successor ?? temporary).inspect());
  let inspect = await findSuccessor();
  if (inspect?.Name === `/${temporary}`) return;
  if (inspect?.State.Running === false && (await isEndedByOthers(swap, inspect.Id))) {
    await swap.clock.sleep(REMOVED_WITHIN_MS, swap.verification.hardStop);
    inspect = await findSuccessor();
  }
  if (inspect !== undefined && !isTakenByOwner(swap, inspect))
    await renameContainer(engine, inspect.Id, temporary);
}

/**
 * Whoever stops a container often removes it as soon as it has ended, and Engine 28 never frees a name that is given
 * to a container during its removal.
 */
const REMOVED_WITHIN_MS = 300;
const LATELY_MS = 30_000;

/** Did somebody else, besides this undo, send it a signal? */
async function isEndedByOthers({ engine }: NameExchange, id: string): Promise<boolean> {
  const actions = await listActions(engine, id, (now) => now - LATELY_MS);
  return actions.filter((action) => action === "kill").length > 1;
}
