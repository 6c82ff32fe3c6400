// One group of a run, in Ouroboros' order: dependencies stopped, containers updated, images cleaned, dependencies
// started. Only what ran before is started again, whatever happened in between.
import type { ContainerInspectInfo } from "dockerode";
import { describeContainer } from "../../../shared/describe.ts";
import { ALREADY_SO, GONE, ifThere, isAway, tolerating } from "../../../shared/engine.ts";
import { Expired, Fenced, Halted, Suspended, explain } from "../../../shared/errors.ts";
import type { Facts } from "../../../shared/container-facts.ts";
import type { Decided } from "../../../shared/run-records.ts";
import { afterSwap } from "./after-swap.ts";
import { recoveredWith } from "./along.ts";
import { endContainer, endOfVerdict } from "./ends.ts";
import { endFailed } from "./own-failure.ts";
import { expectGoingOn, whyHalted } from "./halt.ts";
import { hardHooksOf, isRecreated, recreateHardDependency } from "./hard.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import { replaceContainer } from "./replace.ts";
import { startPatiently } from "../swap/start-patiently.ts";
import { letStopEnd, stopContainer } from "../swap/stop-container.ts";
import { parseSwapName } from "../swap/swap-names.ts";
import { AT_MOST_WHILE_STOPPED, type Entry, type Run, type Update } from "../updater.ts";

export interface GroupWork {
  /** One without an image was ended by an earlier process. */
  readonly updates: readonly (Entry & { readonly newImage: Update["newImage"] | undefined })[];
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

const isOfTheRun = (error: unknown): boolean => error instanceof Suspended || error instanceof Fenced;

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

/** Resolves with the verdict that forbids it, if there is one. */
export async function stopAll(
  run: Run,
  dependencies: readonly Facts[],
  mark: () => Promise<void>,
): Promise<Decided | undefined> {
  for (const { id, name } of dependencies) {
    const inspect = await ifThere(run.bus.host.engine.docker.getContainer(id).inspect());
    if (inspect === undefined) continue;
    const decided = await run.gate.ask({
      hook: "before_stop_depends_container",
      container: name,
      locals: { container: describeContainer(inspect) },
      reason: "a container that depends on it is updated",
      atMost: AT_MOST_WHILE_STOPPED,
    });
    if (run.mode !== "update") continue; // verdicts are only recorded
    if (decided.verdict !== "proceed") return decided;
    await mark();
    await timed(run, name, "stop the dependency", () => stopDependency(run, inspect));
  }
  return undefined;
}

/** One that its owner removed during its hook is down already. */
async function stopDependency({ bus, hardStop, log }: Run, inspect: ContainerInspectInfo): Promise<void> {
  const { engine } = bus.host;
  const stopping = { engine, clock: bus.clock, hardStop };
  await stopContainer(stopping, inspect as unknown as ContainerDocument).catch(async (error: unknown) => {
    if ((await ifThere(engine.docker.getContainer(inspect.Id).inspect())) !== undefined) throw error;
    log.warn({ container: inspect.Name.slice(1) }, "dependency is gone; there is nothing to stop");
  });
}

/**
 * Dependencies that an earlier process stopped and no group has started: what they were stopped for is over or not to be
 * any more.
 */
export async function startMarked(run: Run, marked: readonly string[]): Promise<void> {
  const { docker } = run.bus.host.engine;
  const found = await Promise.all(marked.map((one) => ifThere(docker.getContainer(one).inspect())));
  const there = found.filter((inspect) => inspect !== undefined);
  await startAll(
    run,
    there.map(({ Id: id, Name }) => ({ id, name: Name.slice(1) })),
    true,
  );
}

/** Starts what does not run; a dependency that was updated runs already. */
export async function startAll(
  run: Run,
  dependencies: readonly Pick<Facts, "id" | "name">[],
  withHooks: boolean,
): Promise<void> {
  let suspended: Suspended | undefined;
  const late: string[] = [];
  for (const dependency of dependencies) {
    const name = await nameNow(run, dependency);
    const inspect = await lookAt(run, name).catch((error: unknown) => unseen(run, name, error));
    if (inspect === "unseen") late.push(name);
    if (inspect === "unseen") continue;
    if (inspect === undefined) run.log.warn({ container: name }, "dependency is gone; it cannot be started");
    if (inspect === undefined || (inspect.State.Running && run.mode === "update")) continue;
    if (withHooks && suspended === undefined) suspended = await askToStart(run, inspect);
    if (run.mode !== "update") continue;
    await timed(run, name, "start the dependency", async () => {
      if (!(await isStarted(run, name))) late.push(name);
    });
  }
  const left = await startPatiently({ ...run, engine: run.bus.host.engine, clock: run.bus.clock }, late);
  for (const { container } of left) run.notStarted.add(container);
  if (suspended !== undefined) throw suspended;
}

/** Its owner may have renamed it while it was stopped. Where it was recreated its name is what stays. */
async function nameNow({ bus }: Run, { id, name }: Pick<Facts, "id" | "name">): Promise<string> {
  const inspect = await ifThere(bus.host.engine.docker.getContainer(id).inspect()).catch(() => undefined); // told by lookAt
  const now = inspect?.Name.slice(1);
  return now === undefined || parseSwapName(now) !== undefined ? name : now;
}

/** One that the Engine cannot show keeps no other down. */
function unseen({ log }: Run, container: string, error: unknown): "unseen" {
  if (isOfTheRun(error) || isAway(error)) throw error;
  log.warn(
    { container, because: explain(error) },
    "dependency cannot be looked at; it is started all the same",
  );
  return "unseen";
}

/** A stop that an earlier process asked for may not be over. */
async function lookAt({ bus, mode }: Run, name: string): Promise<ContainerInspectInfo | undefined> {
  const container = bus.host.engine.docker.getContainer(name);
  const inspect = await ifThere(container.inspect());
  if (inspect?.State.Running !== true || mode !== "update") return inspect;
  await letStopEnd({ engine: bus.host.engine, clock: bus.clock }, inspect);
  return ifThere(container.inspect());
}

/** One that cannot be started at once keeps nobody else down. */
async function isStarted({ bus, log }: Run, name: string): Promise<boolean> {
  try {
    await tolerating([ALREADY_SO, GONE], bus.host.engine.docker.getContainer(name).start());
    return true;
  } catch (error) {
    log.warn({ container: name, because: explain(error) }, "dependency could not be started; trying again");
    return false;
  }
}

/** It cannot be refused: a service left down is a loss. Stopping ends the asking, not the starting. */
async function askToStart(run: Run, inspect: ContainerInspectInfo): Promise<Suspended | undefined> {
  try {
    await run.gate.ask({
      hook: "before_start_depends_container",
      container: inspect.Name.slice(1),
      locals: { container: describeContainer(inspect) },
      reason: "the update of what depends on it is over",
      atMost: AT_MOST_WHILE_STOPPED,
    });
    return undefined;
  } catch (error) {
    if (error instanceof Suspended) return error;
    throw error;
  }
}

async function timed(run: Run, container: string, step: string, act: () => Promise<void>): Promise<void> {
  const from = run.bus.clock.monotonic();
  await act();
  const ms = Math.round((run.bus.clock.monotonic() - from) * 10) / 10;
  if (!run.bus.signal.aborted) await run.journal.write({ kind: "did", container, step, ms });
}
