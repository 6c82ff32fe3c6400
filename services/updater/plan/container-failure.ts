// Handles an unexpected error about one container: its swap is rolled back, as far as there is one, then the
// container is `failed` with the reason, and the others go on. An error that concerns all of them is thrown on.
import { isEngineUnreachable } from "../../../shared/docker/engine.ts";
import { NatsAwayTooLong, Fenced, Suspended, explain } from "../../../shared/errors.ts";
import { findSwaps } from "../recover/find-swaps.ts";
import { listInterruptedSwaps } from "../recover/interrupted-swap.ts";
import { recoverWithRetries, rollBackSwap, adoptSuccessor } from "../recover/roll-back-swap.ts";
import { type Snapshot, containerNameIn, readSnapshots } from "../journal/snapshot-store.ts";
import type { UpdateEntry, Run } from "../updater.ts";
import { readCredentialSettings } from "../containers/pull-image.ts";
import { type ResultDetails, finishContainer } from "./finish-container.ts";

/** `newImage` is the image of the update, if it was pulled already. */
type FailedEntry = UpdateEntry & { readonly newImage?: { readonly Id: string } | undefined };

/** An Engine that is away is waited for. An Engine that answers, but not about this container, is not. */
const MAX_SILENCES = 2;
const ANSWER_TIMEOUT_MS = 5000;

/** Ends the entries as `failed`. @throws the error, where it concerns more than the containers of these entries. */
export async function finishFailed(run: Run, entries: readonly FailedEntry[], error: unknown): Promise<void> {
  const left = entries.filter(({ facts }) => run.journal.findResult(facts.name) === undefined);
  if (left.length > 0 && (await concernsAll(run, left, error))) throw error;
  for (const entry of left) {
    const { name } = entry.facts;
    run.log.error({ container: name, err: error }, "unexpected failure; the old container is put back");
    await finishContainer(run, entry, (await rollBackFailed(run, entry)) ?? resultOfError(error));
  }
}

const resultOfError = (error: unknown): ResultDetails => ({
  end: "failed",
  because: explain(error),
  by: "updater",
});

async function concernsAll(run: Run, entries: readonly UpdateEntry[], error: unknown): Promise<boolean> {
  const { bus, hardStop } = run;
  if ([Fenced, Suspended, NatsAwayTooLong].some((kind) => error instanceof kind)) return true;
  if (bus.signal.aborted || hardStop.aborted || bus.nats.isClosed()) return true;
  if (!isEngineUnreachable(error)) return false;
  const key = `${run.journal.run} ${entries.map(({ facts }) => facts.name).join(" ")}`;
  const silences = (run.engineSilences.get(key) ?? 0) + 1;
  run.engineSilences.set(key, silences);
  return silences <= MAX_SILENCES || !(await isEngineAnswering(run));
}

const isEngineAnswering = ({ bus }: Run): Promise<boolean> =>
  bus.host.engine.docker
    .listContainers({ limit: 1, abortSignal: bus.clock.deadline(ANSWER_TIMEOUT_MS) })
    .then(
      () => true,
      () => false,
    );

/** Only those of this container: the swaps of others may be under way. */
const readSnapshotsOfContainer = async (
  store: Parameters<typeof readSnapshots>[0],
  name: string,
): Promise<Snapshot[]> =>
  (await readSnapshots(store)).filter(
    (snapshot) => containerNameIn(snapshot) === name || snapshot.parent === name,
  );

/** Goes by what the Engine shows, as after a crash. Resolves with the end if it is another than `failed`. */
async function rollBackFailed(
  run: Run,
  { facts, newImage }: FailedEntry,
): Promise<ResultDetails | undefined> {
  const { bus, hardStop, tagSemaphore } = run;
  const { name } = facts;
  const context = { ...bus.context, log: run.log, host: bus.host, hardStop, tagSemaphore, ran: run.ran };
  const recovering = {
    ...context,
    snapshots: await readSnapshotsOfContainer(context, name),
    credentials: () => readCredentialSettings(bus),
  };
  let isBegun = false;
  const ended = await recoverWithRetries(recovering, { name, run: run.journal.run }, async () => {
    const ofRun = (await findSwaps(recovering)).filter((parts) => parts.run === run.journal.run);
    const parts = ofRun.find((swapParts) => swapParts.name === name);
    if (parts === undefined) return undefined;
    isBegun = true;
    const begun = listInterruptedSwaps(ofRun).find((swapParts) => swapParts.name === name);
    if (begun === undefined) return adoptSuccessor(recovering, parts);
    return rollBackSwap(recovering, begun, { start: true, cause: "it failed unexpectedly" });
  });
  if (ended?.end === "stuck") return { end: "stuck", because: ended.because, by: "updater" };
  const runningImage = isBegun || newImage === undefined ? undefined : await imageOf(run, name);
  return runningImage === newImage?.Id && runningImage !== undefined && runningImage !== facts.imageId
    ? {
        end: "updated",
        because: "the new container proved itself",
        by: "updater",
        from: facts.imageId,
        to: runningImage,
      }
    : undefined;
}

const imageOf = ({ bus }: Run, name: string): Promise<string | undefined> =>
  bus.host.engine.docker
    .getContainer(name)
    .inspect()
    .then(
      ({ Image }) => Image,
      () => undefined,
    );
