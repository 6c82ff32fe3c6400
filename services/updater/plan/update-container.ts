// The update of one container, from the first question to its record. Containers that are updated in the same transaction
// share it (linked-updates.ts: A3).
import { SemaphoreHold } from "../semaphore.ts";
import type { Run } from "../updater.ts";
import { isUpdateAllowed, isPreUpdateDone } from "./before-update.ts";
import { confirmUpdate } from "./confirm-update.ts";
import { whyFailureLimitReached } from "./failure-limit.ts";
import { finishContainer } from "./finish-container.ts";
import { findLinkedUpdates, findRecoveredLinkedUpdates } from "./linked-updates.ts";
import { type Transaction, recordEnd, recordSwapped } from "./record-end.ts";
import { type ApprovedUpdate, type UpdateRequest, replaceContainer } from "./replace-container.ts";
import { startSelfUpdate, isThisContainer } from "./self-update.ts";
import { lookAgain } from "./unchanged-container.ts";

/**
 * Ask → replace and verify → confirm → record. What an earlier process replaced is confirmed and recorded. Every ordinary
 * end is recorded here. @throws Suspended, Fenced, and unexpected errors
 */
export async function updateContainer(run: Run, request: UpdateRequest): Promise<void> {
  using slot = new SemaphoreHold();
  const transaction = findRecovered(run, request) ?? (await askAndReplace(run, request, slot));
  if (transaction === undefined) return; // it was not touched, and its end is recorded
  if (transaction.outcome.kind === "done") {
    slot[Symbol.dispose](); // after a failure the next update must wait until the end is recorded
    await recordSwapped(run, transaction);
  }
  const end = await confirmUpdate(run, transaction, slot);
  await recordEnd(run, transaction, end);
}

/** The swap that an earlier process began and recovery resumed. */
function findRecovered(run: Run, { update: entry, others, atMost }: UpdateRequest): Transaction | undefined {
  const recovered = run.recovered.get(entry.facts.name);
  if (recovered === undefined) return undefined;
  const linkedUpdates = findRecoveredLinkedUpdates(run, entry.facts.name, others);
  return { ...recovered, entry, linkedUpdates, atMost };
}

async function askAndReplace(
  run: Run,
  request: UpdateRequest,
  slot: SemaphoreHold,
): Promise<Transaction | undefined> {
  const approved = await ask(run, request);
  return approved && replaceContainer(run, approved, slot);
}

/** Undefined if the update ends here: refused, deferred, expired, or a self-update, which its helper carries out. */
async function ask(run: Run, request: UpdateRequest): Promise<ApprovedUpdate | undefined> {
  const { update } = request;
  const end = async (result: "expired" | "deferred", because: string): Promise<undefined> => {
    await finishContainer(run, update, { end: result, because, by: "updater" });
  };
  const tooManyFailed = whyFailureLimitReached(run);
  if (tooManyFailed !== undefined) return end("deferred", tooManyFailed);
  const id = run.replaced.get(update.facts.id) ?? update.facts.id; // the swap of its parent may have recreated it
  const before = await lookAgain(run, request, id);
  if (before.changed !== undefined) return end("expired", before.changed);
  if (!(await isUpdateAllowed(run, request, before.inspect))) return undefined;
  const isSelf = isThisContainer(run, id);
  const linkedUpdates = isSelf ? [] : await findLinkedUpdates(run, request, before.inspect);
  if (!isSelf) await run.bus.lease.hold(run.bus);
  const now = await lookAgain(run, request, id);
  if (now.changed !== undefined) return end("expired", now.changed);
  const { inspect } = now;
  if (isSelf) {
    await startSelfUpdate(run, { facts: inspect, entry: update, image: update.newImage.Id });
    return undefined;
  }
  const oldImage = await run.bus.host.engine.docker.getImage(inspect.Image).inspect();
  if (!(await isPreUpdateDone(run, update, inspect))) return undefined;
  return { ...request, inspect, oldImage, linkedUpdates };
}
