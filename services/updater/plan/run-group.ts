// Runs one group of a run, in Ouroboros' order: dependencies stopped, containers updated, images cleaned up,
// dependencies started. Only what ran before is started again, whatever happened in between.
import { Fenced, Suspended } from "../../../shared/errors.ts";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { concernsWholeRun, startDependencies, stopDependencies } from "./run-dependencies.ts";
import { finishContainer, resultOfVerdict } from "./finish-container.ts";
import { finishFailed } from "./container-failure.ts";
import { whyFailureLimitReached } from "./failure-limit.ts";
import { makeHardDependencyHooks, isRecreated, recreateHardDependency } from "./hard-dependencies.ts";
import { updateContainer } from "./update-container.ts";
import { MAX_WAIT_WHILE_STOPPED_MS, type UpdateEntry, type Run, type Update } from "../updater.ts";

export interface GroupWork {
  /** An earlier process ended those without an image. */
  readonly updates: readonly (UpdateEntry & { readonly newImage: Update["newImage"] | undefined })[];
  /** May include containers of `updates`: those are stopped with the others, and their update starts them. */
  readonly dependencies: readonly ContainerFacts[];
  /** Ids of those among `dependencies` that are recreated instead of started. */
  readonly hard: readonly string[];
  /** Makes the run's marker volume; called before the first stop. */
  readonly ensureMarker: () => Promise<void>;
}

/**
 * A group stops its dependencies only when its turn comes, so that none is down while those of other groups are.
 * @throws Suspended, Fenced; whatever it throws, what it stopped runs again, unless another updater took over.
 */
export async function runGroup(run: Run, group: GroupWork): Promise<void> {
  const { dependencies } = group;
  using _turn = dependencies.length > 0 ? await run.dependencySemaphore.take() : undefined;
  using _watched = dependencies.length > 0 ? run.limitNatsOutage() : undefined;
  try {
    if (run.bus.signal.aborted) throw new Suspended("stopped before anything was touched");
    const left = group.updates.filter(isOpen(run));
    const isToStop =
      left.some(({ facts }) => !run.recovered.has(facts.name)) && whyFailureLimitReached(run) === undefined;
    const refused = isToStop ? await stopDependencies(run, dependencies, group.ensureMarker) : undefined;
    for (const entry of left) {
      if (run.journal.findResult(entry.facts.name) !== undefined) continue; // ended with its parent
      if (refused === undefined) await updateOrFail(run, entry, group, left);
      else
        await finishContainer(
          run,
          entry,
          resultOfVerdict(refused, `before_stop_depends_container of ${refused.container ?? ""}`),
        );
    }
    await startDependencies(
      run,
      dependencies.filter(({ id }) => !group.hard.includes(id)),
      true,
    );
    await recreateHardDependencies(run, group);
  } catch (error) {
    if (!(error instanceof Fenced)) await startDependencies(run, dependencies, false);
    await finishFailed(run, group.updates, error);
    if (concernsWholeRun(error)) throw error;
    run.log.error({ err: error }, "group ended by an error");
  }
}

const isOpen =
  (run: Run) =>
  (entry: GroupWork["updates"][number]): entry is Update =>
    entry.newImage !== undefined && run.journal.findResult(entry.facts.name) === undefined;

async function updateOrFail(
  run: Run,
  update: Update,
  { dependencies, hard }: GroupWork,
  all: readonly Update[],
): Promise<void> {
  const request = {
    update,
    others: all.filter((other) => other !== update),
    atMost: dependencies.length > 0 ? MAX_WAIT_WHILE_STOPPED_MS : undefined,
    stopped: dependencies.map(({ id }) => id),
    hardHooks: hard.length > 0 ? makeHardDependencyHooks(run, hard) : undefined,
  };
  await updateContainer(run, request).catch((error: unknown) => finishFailed(run, [update], error));
}

/**
 * Recreates hard dependencies that no update has recreated. Without an update there is no reason to: they are only
 * started.
 */
async function recreateHardDependencies(run: Run, { dependencies, hard, updates }: GroupWork): Promise<void> {
  const somethingChanged = updates.some(({ facts }) => run.journal.findResult(facts.name)?.end === "updated");
  for (const { id, name } of dependencies.filter((facts) => hard.includes(facts.id))) {
    const isDone =
      run.replaced.has(id) || isRecreated(run, name) || run.journal.findResult(name)?.end === "updated";
    if (somethingChanged && !isDone) await recreateHardDependency(run, { id, name });
  }
  await startDependencies(
    run,
    dependencies.filter(({ id }) => hard.includes(id)),
    false,
  );
}
