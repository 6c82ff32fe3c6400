// Whatever is thrown about one container ends that container: its way back is taken first, as far as there is one, then it
// is `failed` with the reason, and the others go on. What concerns all of them is thrown on.
import { isAway } from "../../../shared/engine.ts";
import { CutOff, Expired, Fenced, Halted, Suspended, explain } from "../../../shared/errors.ts";
import { byHand } from "../swap/by-hand.ts";
import { letDependantsRun } from "../swap/recreate.ts";
import { undoSteps } from "../swap/saga.ts";
import { foundParts } from "../recover/found-parts.ts";
import { begunOf, isUncommitted, swapFrom } from "../recover/begun.ts";
import { patiently, putBack, takeOver, timedBy } from "../recover/put-back.ts";
import { type Snapshot, nameIn, readSnapshots } from "../journal/snapshots.ts";
import type { UpdateEntry, Run } from "../updater.ts";
import { credentialSettings } from "./pull.ts";
import { type Ending, endContainer } from "./ends.ts";

/** What was to come of it, where its image was there already. */
type Failed = UpdateEntry & { readonly newImage?: { readonly Id: string } | undefined };

/** An Engine that is away is waited for; one that answers, but not about this container, is not. */
const MOST_SILENCES = 2;
const ANSWERS_WITHIN_MS = 5000;

/** @throws the error, where it concerns more than the containers of these entries. */
export async function endFailed(run: Run, entries: readonly Failed[], error: unknown): Promise<void> {
  const left = entries.filter(({ facts }) => run.journal.ended(facts.name) === undefined);
  if (left.length > 0 && (await isOfAll(run, left, error))) throw error;
  for (const entry of left) {
    const { name } = entry.facts;
    run.log.error({ container: name, err: error }, "unexpected failure; its way back is taken");
    await endContainer(run, entry, (await wayBack(run, entry)) ?? failedBy(error));
  }
}

const failedBy = (error: unknown): Ending => ({ end: "failed", because: explain(error), by: "updater" });

async function isOfAll(run: Run, entries: readonly UpdateEntry[], error: unknown): Promise<boolean> {
  const { bus, hardStop } = run;
  if ([Fenced, Suspended, CutOff, Expired, Halted].some((kind) => error instanceof kind)) return true;
  if (bus.signal.aborted || hardStop.aborted || bus.nats.isClosed()) return true;
  if (!isAway(error)) return false;
  const key = `${run.journal.run} ${entries.map(({ facts }) => facts.name).join(" ")}`;
  const silences = (run.silences.get(key) ?? 0) + 1;
  run.silences.set(key, silences);
  return silences <= MOST_SILENCES || !(await answers(run));
}

const answers = ({ bus }: Run): Promise<boolean> =>
  bus.host.engine.docker
    .listContainers({ limit: 1, abortSignal: bus.clock.deadline(ANSWERS_WITHIN_MS) })
    .then(
      () => true,
      () => false,
    );

/** Others may be in the middle of theirs. */
const ofContainer = async (it: Parameters<typeof readSnapshots>[0], name: string): Promise<Snapshot[]> =>
  (await readSnapshots(it)).filter((one) => nameIn(one) === name || one.parent === name);

/** By what the Engine shows, as after a crash. Resolves with the end where that is another than `failed`. */
async function wayBack(run: Run, { facts, newImage }: Failed): Promise<Ending | undefined> {
  const { bus, hardStop, making } = run;
  const { name } = facts;
  const it = { ...bus.context, log: run.log, host: bus.host, hardStop, making, ran: run.ran };
  const recovering = {
    ...it,
    snapshots: await ofContainer(it, name),
    credentials: () => credentialSettings(bus),
  };
  let isBegun = false;
  const ended = await patiently(recovering, { name, run: run.journal.run }, async () => {
    const ofRun = (await foundParts(recovering)).filter((parts) => parts.run === run.journal.run);
    const parts = ofRun.find((one) => one.name === name);
    if (parts === undefined) return undefined;
    isBegun = true;
    const begun = begunOf(ofRun).find((one) => one.name === name);
    if (begun === undefined) return takeOver(recovering, parts);
    if (isUncommitted(begun)) return putBack(recovering, begun, { start: true });
    const swap = await swapFrom(recovering, begun);
    await letDependantsRun.do(swap);
    const failures = await undoSteps(
      run.steps,
      swap,
      timedBy(recovering, run.log.child({ container: name })),
    );
    const failed = { failed: "put the old container back", cause: "it failed unexpectedly", left: failures };
    if (failures.length === 0) return undefined;
    return { container: name, run: run.journal.run, end: "stuck", because: byHand(swap, failed), swap };
  });
  if (ended?.end === "stuck") return { end: "stuck", because: ended.because, by: "updater" };
  const runs = isBegun || newImage === undefined ? undefined : await imageOf(run, name);
  return runs === newImage?.Id && runs !== undefined && runs !== facts.imageId
    ? {
        end: "updated",
        because: "the new container proved itself",
        by: "updater",
        from: facts.imageId,
        to: runs,
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
