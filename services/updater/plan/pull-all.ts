// The images of a run are pulled while everything runs, each reference once, some side by side. A rollback pulls the
// image before where the Engine has it no more.
import type { ImageInspectInfo } from "dockerode";
import { Fenced, Suspended, explain } from "../../../shared/errors.ts";
import { platformOf } from "../create/create-options.ts";
import { endContainer } from "./ends.ts";
import { imageBefore } from "./image-before.ts";
import type { ImageDocument } from "../create/inspect.ts";
import { Places } from "../swap/places.ts";
import { pull } from "./pull.ts";
import type { Entry, Run } from "../updater.ts";

/** By container name: the new image, or nothing where the entry was ended here as `current` or `failed`. */
export type Pulls = ReadonlyMap<string, Promise<ImageInspectInfo | undefined>>;

/** Each promise rejects only with what concerns the run: Suspended, Fenced. */
export function startPulls(run: Run, entries: readonly Entry[]): Pulls {
  const places = new Places(run.bus.context.settings.PARALLEL_PULLS);
  const pulling = new Map<string, Promise<ImageInspectInfo>>();
  const pulledFor = async (entry: Entry): Promise<ImageInspectInfo | undefined> => {
    const key = run.isRollback ? entry.facts.name : entry.ref.familiar;
    const one = pulling.get(key) ?? pullOne(run, entry, places);
    pulling.set(key, one);
    const image = await one.catch((error: unknown) => whyNotPulled(error, run));
    const end = endWithout(image, entry, run);
    if (end === undefined) return typeof image === "string" ? undefined : image;
    await endContainer(run, entry, { ...end, by: "updater", from: entry.facts.imageId });
    return undefined;
  };
  return new Map(entries.map((entry) => [entry.facts.name, pulledFor(entry)]));
}

/** Only what the registry or the Engine said ends the entry. @throws what concerns the run. */
function whyNotPulled(error: unknown, run: Run): string {
  if (error instanceof Suspended || error instanceof Fenced) throw error;
  if (run.bus.signal.aborted) throw new Suspended("stopped during a pull", { cause: error });
  return explain(error);
}

function endWithout(image: ImageInspectInfo | string, { facts, ref }: Entry, run: Run) {
  if (typeof image === "string")
    return {
      end: "failed",
      because: `${run.isRollback ? "no rollback" : `${ref.familiar} could not be pulled`}: ${image}`,
    } as const;
  const same = image.Id === facts.imageId && !run.recovered.has(facts.name);
  return same
    ? ({ end: "current", because: "the tag's image is the one that runs already" } as const)
    : undefined;
}

async function pullOne(run: Run, entry: Entry, places: Places): Promise<ImageInspectInfo> {
  using _place = await places.take();
  const { facts, ref } = entry;
  const { host, context, clock, signal } = run.bus;
  const { docker } = host.engine;
  const recovered = run.recovered.get(facts.name);
  if (recovered !== undefined) return await docker.getImage(recovered.swap.newImage.Id).inspect();
  if (run.isRollback) return await imageBefore(run, entry);
  const from = clock.monotonic();
  const running = (await docker.getImage(facts.imageId).inspect()) as unknown as ImageDocument;
  await pull({
    engine: host.engine,
    ref,
    platform: platformOf(running, host.engine),
    settings: context.settings,
    clock,
    signal,
  });
  const image = await docker.getImage(ref.familiar).inspect();
  await run.journal.write({
    kind: "did",
    container: facts.name,
    step: `pull ${ref.familiar}`,
    ms: Math.round(clock.monotonic() - from),
  });
  return image;
}
