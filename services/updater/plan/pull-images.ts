// Pulls the images of a run while everything still runs: each reference once, several side by side. A rollback pulls
// the image before only if the Engine no longer has it.
import type { ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { Fenced, Suspended, explain } from "../../../shared/errors.ts";
import { type ResultDetails, finishContainer } from "./finish-container.ts";
import { findRollbackImage } from "./rollback-image.ts";
import { isSameContent } from "../../../shared/registry/provenance.ts";
import { Semaphore } from "../semaphore.ts";
import { ImageMoved, pullPlannedImage } from "./pull-planned-image.ts";
import type { UpdateEntry, Run } from "../updater.ts";

/**
 * By container name: the new image, or undefined where the entry was ended here as `current`, `expired` or `failed`.
 */
export type Pulls = ReadonlyMap<string, Promise<ImageInspection | undefined>>;

/** Each promise rejects only with an error that concerns the run: Suspended, Fenced. */
export function startPulls(run: Run, entries: readonly UpdateEntry[]): Pulls {
  const slots = new Semaphore(run.bus.context.settings.PARALLEL_PULLS);
  const pulling = new Map<string, Promise<ImageInspection>>();
  const pulledFor = async (entry: UpdateEntry): Promise<ImageInspection | undefined> => {
    const key = run.isRollback ? entry.facts.name : `${entry.ref.familiar}@${entry.digest}`;
    const pull = pulling.get(key) ?? pullOne(run, entry, slots);
    pulling.set(key, pull);
    const endFor =
      (what: string) =>
      (error: unknown): PullResult =>
        resultOfFailedPull(error, run, what);
    const { familiar } = entry.ref;
    const image = await pull.catch(
      endFor(run.isRollback ? "no rollback" : `${familiar} could not be pulled`),
    );
    const end =
      "end" in image
        ? image
        : await resultIfSameImage(image, entry, run).catch(
            endFor("the image that it runs could not be inspected"),
          );
    if (end === undefined) return image as ImageInspection;
    await finishContainer(run, entry, { ...end, by: "updater", from: entry.facts.imageId });
    return undefined;
  };
  return new Map(entries.map((entry) => [entry.facts.name, pulledFor(entry)]));
}

type PullResult = Pick<ResultDetails, "end" | "because" | "isPutOff">;

/** Only an answer of the registry or the Engine ends the entry. @throws an error that concerns the run */
function resultOfFailedPull(error: unknown, run: Run, what: string): PullResult {
  if (error instanceof Suspended || error instanceof Fenced) throw error;
  if (run.bus.signal.aborted) throw new Suspended("stopped during a pull", { cause: error });
  if (error instanceof ImageMoved) return { end: "expired", because: error.message, isPutOff: true };
  return { end: "failed", because: `${what}: ${explain(error)}` };
}

async function resultIfSameImage(
  image: ImageInspection,
  { facts }: UpdateEntry,
  run: Run,
): Promise<PullResult | undefined> {
  if (run.recovered.has(facts.name)) return undefined;
  const { docker, store } = run.bus.host.engine;
  if (image.Id === facts.imageId)
    return { end: "current", because: "the tag's image is the one that runs already" };
  const running = await ifExists(docker.getImage(facts.imageId).inspect());
  const isSame = running !== undefined && isSameContent({ ...running }, { ...image }, store);
  return isSame && !run.isRollback
    ? { end: "current", because: "only the index around its image has changed, or an attestation" }
    : undefined;
}

async function pullOne(run: Run, entry: UpdateEntry, slots: Semaphore): Promise<ImageInspection> {
  using _slot = await slots.take();
  const { facts, ref } = entry;
  const { host, clock } = run.bus;
  const recovered = run.recovered.get(facts.name);
  if (recovered !== undefined) return await host.engine.docker.getImage(recovered.swap.newImage.Id).inspect();
  if (run.isRollback) return await findRollbackImage(run, entry);
  const from = clock.monotonic();
  const image = await pullPlannedImage(run.bus, entry);
  await run.journal.write({
    kind: "did",
    container: facts.name,
    step: `pull ${ref.familiar}`,
    ms: Math.round(clock.monotonic() - from),
  });
  return image;
}
