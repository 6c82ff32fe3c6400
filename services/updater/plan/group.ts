// One group of a run, in Ouroboros' order: dependencies stopped, containers updated, images cleaned, dependencies
// started. Only what ran before is started again, whatever happened in between.
import { Expired, Fenced, Halted, Suspended } from "../../../shared/errors.ts";
import type { Facts } from "../../../shared/container-facts.ts";
import { afterSwap } from "./after-swap.ts";
import { recoveredWith } from "./along.ts";
import { isOfTheRun, startAll, stopAll } from "./dependencies.ts";
import { endContainer, endOfVerdict } from "./ends.ts";
import { endFailed } from "./own-failure.ts";
import { expectGoingOn, whyHalted } from "./halt.ts";
import { hardHooksOf, isRecreated, recreateHardDependency } from "./hard.ts";
import { replaceContainer } from "./replace.ts";
import { AT_MOST_WHILE_STOPPED, type UpdateEntry, type Run, type Update } from "../updater.ts";

export interface GroupWork {
  /** One without an image was ended by an earlier process. */
  readonly updates: readonly (UpdateEntry & { readonly newImage: Update["newImage"] | undefined })[];
  /** May hold containers of `updates` too: those are stopped with the others, and their update starts them. */
  readonly dependencies: readonly Facts[];
  /** Ids of those among `dependencies` that are recreated instead of started. */
  readonly hard: readonly string[];
  /** Makes the run's marker volume; before the first stop. */
  readonly mark: () => Promise<void>;
}

/**
 * Its dependencies are stopped when it is its turn, so that none is down while other groups' dependencies are.
 * @throws Suspended, Fenced; whatever it throws, what it stopped runs again, unless another updater took over.
 */
export async function runGroup(run: Run, group: GroupWork): Promise<void> {
  const { dependencies } = group;
  using _turn = dependencies.length > 0 ? await run.turns.take() : undefined;
  using _watched = dependencies.length > 0 ? run.whileStopped() : undefined;
  try {
    if (run.bus.signal.aborted) throw new Suspended("stopped before anything was touched");
    const left = group.updates.filter(isLeft(run));
    const isToStop = left.some(({ facts }) => !run.recovered.has(facts.name)) && whyHalted(run) === undefined;
    const refused = isToStop ? await stopAll(run, dependencies, group.mark) : undefined;
    for (const entry of left) {
      if (run.journal.ended(entry.facts.name) !== undefined) continue; // with what it refers to
      if (refused === undefined) await updateOrExpire(run, entry, group, left);
      else
        await endContainer(
          run,
          entry,
          endOfVerdict(refused, `before_stop_depends_container of ${refused.container ?? ""}`),
        );
    }
    await startAll(
      run,
      dependencies.filter(({ id }) => !group.hard.includes(id)),
      true,
    );
    await recreateHard(run, group);
  } catch (error) {
    if (!(error instanceof Fenced)) await startAll(run, dependencies, false);
    await endFailed(run, group.updates, error);
    if (isOfTheRun(error)) throw error;
    run.log.error({ err: error }, "group ended by an error");
  }
}

const isLeft =
  (run: Run) =>
  (entry: GroupWork["updates"][number]): entry is Update =>
    entry.newImage !== undefined && run.journal.ended(entry.facts.name) === undefined;

async function updateOrExpire(
  run: Run,
  entry: Update,
  group: GroupWork,
  all: readonly Update[],
): Promise<void> {
  try {
    if (!run.recovered.has(entry.facts.name)) expectGoingOn(run);
    const others = all.filter((one) => one !== entry);
    await updateOne(run, entry, { ...group, others });
  } catch (error) {
    if (!(error instanceof Expired || error instanceof Halted)) return endFailed(run, [entry], error);
    const end = error instanceof Halted ? "deferred" : "expired";
    await endContainer(run, entry, { end, because: error.message, by: "updater" });
  }
}

async function updateOne(
  run: Run,
  entry: Update,
  { dependencies, hard, others }: GroupWork & { readonly others: readonly Update[] },
): Promise<void> {
  const atMost = dependencies.length > 0 ? AT_MOST_WHILE_STOPPED : undefined;
  const recovered = run.recovered.get(entry.facts.name);
  if (recovered !== undefined) {
    const along = recoveredWith(run, entry.facts.name, others);
    return afterSwap(run, { ...recovered, entry, along, atMost });
  }
  const stopped = dependencies.map(({ id }) => id);
  const hardHooks = hard.length > 0 ? hardHooksOf(run, hard) : undefined;
  await replaceContainer(run, { update: entry, others, atMost, stopped, hardHooks });
}

/** Hard dependencies that no update has recreated; without an update there is no reason to, and they are started. */
async function recreateHard(run: Run, { dependencies, hard, updates }: GroupWork): Promise<void> {
  const somethingChanged = updates.some(({ facts }) => run.journal.ended(facts.name)?.end === "updated");
  for (const { id, name } of dependencies.filter((facts) => hard.includes(facts.id))) {
    const isDone =
      run.replaced.has(id) || isRecreated(run, name) || run.journal.ended(name)?.end === "updated";
    if (somethingChanged && !isDone) await recreateHardDependency(run, { id, name });
  }
  await startAll(
    run,
    dependencies.filter(({ id }) => hard.includes(id)),
    false,
  );
}
