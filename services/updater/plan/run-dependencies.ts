// Stops the dependencies of an update, and starts them again. Only what ran before is started, under whatever name it
// has by then. A dependency that cannot be started keeps no other down.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { describeContainer } from "../../../shared/containers/payloads-from-engine.ts";
import { ifExists, isEngineUnreachable } from "../../../shared/docker/engine.ts";
import { Fenced, Suspended, explain } from "../../../shared/errors.ts";
import type { DecisionRecord } from "../../../shared/contract/run-records.ts";
import { dropDependencySnapshot } from "../journal/snapshot-store.ts";
import { type RunMarker, resolveMarkedContainers } from "../journal/run-marker.ts";
import {
  type Dependency,
  restoreDependencies,
  startAndRestoreDependencies,
} from "../swap/restore-dependencies.ts";
import { takeSnapshot } from "../swap/take-snapshot.ts";
import { startUnlessGone } from "../containers/start-stopped.ts";
import { swapResourcesOf, snapshotStoreOf } from "./swap-resources.ts";
import { awaitPendingStop, stopContainer } from "../containers/stop-container.ts";
import { parseSwapName } from "../../../shared/containers/swap-names.ts";
import { MAX_WAIT_WHILE_STOPPED_MS, type Run } from "../updater.ts";

/** Whether the error concerns the whole run and not just one of its containers. */
export const concernsWholeRun = (error: unknown): boolean =>
  error instanceof Suspended || error instanceof Fenced;

/** Resolves with the verdict that forbids it, if there is one. */
export async function stopDependencies(
  run: Run,
  dependencies: readonly ContainerFacts[],
  ensureMarker: () => Promise<void>,
): Promise<DecisionRecord | undefined> {
  for (const { id, name } of dependencies) {
    const inspect = await ifExists(run.bus.host.engine.docker.getContainer(id).inspect());
    if (inspect === undefined) continue;
    const decided = await run.gate.ask({
      hook: "before_stop_depends_container",
      container: name,
      locals: { container: describeContainer(inspect) },
      reason: "a container that depends on it is updated",
      atMost: MAX_WAIT_WHILE_STOPPED_MS,
    });
    if (run.mode !== "update") continue; // verdicts are only recorded
    if (decided.verdict !== "proceed") return decided;
    await run.bus.lease.hold(run.bus);
    await ensureMarker();
    await recordTime(run, name, "stop the dependency", () => stopDependency(run, inspect));
  }
  return undefined;
}

/** A dependency that its owner removed during the hook is down already. */
async function stopDependency(run: Run, inspect: ContainerInspection): Promise<void> {
  const { bus, hardStop, log } = run;
  const { engine } = bus.host;
  await snapshotDependency(run, inspect);
  const stopping = { engine, clock: bus.clock, hardStop };
  await stopContainer(stopping, inspect).catch(async (error: unknown) => {
    if ((await ifExists(engine.docker.getContainer(inspect.Id).inspect())) !== undefined) throw error;
    log.warn({ container: inspect.Name.slice(1) }, "dependency is gone; there is nothing to stop");
  });
}

async function snapshotDependency(run: Run, inspect: ContainerInspection): Promise<void> {
  const { engine } = run.bus.host;
  const image = await engine.docker.getImage(inspect.Image).inspect();
  const old = inspect;
  const oldImage = image;
  const target = { engine, snapshotStore: snapshotStoreOf(run), run: run.journal.run, ran: run.ran };
  await takeSnapshot({ ...target, old, oldImage }, "dependency");
}

/** For recreating what a prune removed. */
function makeRestoreContext(run: Run) {
  const { bus, log, tagSemaphore, replaced, journal, hardStop } = run;
  const context = {
    engine: bus.host.engine,
    clock: bus.clock,
    run: journal.run,
    replaced,
    tagSemaphore,
    log,
    hardStop,
  };
  return { ...context, ...swapResourcesOf(run) };
}

/** Resolves with the names of those that are lost. */
async function restoreRunDependencies(run: Run, dependencies: readonly Dependency[]): Promise<Set<string>> {
  if (run.mode !== "update") return new Set();
  const { lost } = await restoreDependencies(makeRestoreContext(run), dependencies);
  return new Set(lost.map(({ container }) => container));
}

/**
 * Starts the dependencies that an earlier process stopped and no group has started: the updates they were stopped for
 * are over or will not happen.
 */
export async function startMarkedDependencies(run: Run, marker: RunMarker): Promise<void> {
  const { engine } = run.bus.host;
  for (const container of await restoreRunDependencies(run, marker.stopped)) run.notStarted.add(container);
  const current = await resolveMarkedContainers(engine, marker);
  const found = await Promise.all(
    current.map((nameOrId) => ifExists(engine.docker.getContainer(nameOrId).inspect())),
  );
  const existing = found.filter((inspect) => inspect !== undefined);
  await startDependencies(
    run,
    existing.map(({ Id: id, Name }) => ({ id, name: Name.slice(1) })),
    true,
  );
}

/** Starts what does not run. A dependency that was updated runs already. */
export async function startDependencies(
  run: Run,
  dependencies: readonly Dependency[],
  withHooks: boolean,
): Promise<void> {
  let suspended: Suspended | undefined;
  const unstarted: string[] = [];
  const existing: Dependency[] = [];
  const lost = await restoreRunDependencies(run, dependencies);
  for (const dependency of dependencies) {
    const name = await findCurrentName(run, dependency);
    const inspect = await inspectDependency(run, name).catch((error: unknown) =>
      handleUninspectable(run, name, error),
    );
    if (!lost.has(dependency.name)) existing.push(dependency); // one that is gone by now is made anew below
    if (inspect === "unseen") unstarted.push(name);
    if (inspect === "unseen") continue;
    if (inspect === undefined) run.log.debug({ container: name }, "dependency is gone");
    if (inspect === undefined || (inspect.State.Running && run.mode === "update")) continue;
    if (withHooks && suspended === undefined) suspended = await askToStart(run, inspect);
    if (run.mode !== "update") continue;
    await recordTime(run, name, "start the dependency", async () => {
      if (!(await tryStart(run, name))) unstarted.push(name);
    });
  }
  for (const container of lost) run.notStarted.add(container);
  const down =
    run.mode === "update"
      ? await startAndRestoreDependencies(makeRestoreContext(run), existing, unstarted)
      : [];
  for (const { container } of down) run.notStarted.add(container);
  for (const { name } of dependencies)
    if (!run.notStarted.has(name)) await dropDependencySnapshot(snapshotStoreOf(run), run.journal.run, name);
  if (suspended !== undefined) throw suspended;
}

/** The owner may have renamed it while it was stopped. If it was recreated, only its name stayed the same. */
async function findCurrentName({ bus }: Run, { id, name }: Dependency): Promise<string> {
  // inspectDependency reports an error
  const inspect = await ifExists(bus.host.engine.docker.getContainer(id).inspect()).catch(() => undefined);
  const currentName = inspect?.Name.slice(1);
  return currentName === undefined || parseSwapName(currentName) !== undefined ? name : currentName;
}

/** A dependency that the Engine cannot show keeps no other down. */
function handleUninspectable({ log }: Run, container: string, error: unknown): "unseen" {
  if (concernsWholeRun(error) || isEngineUnreachable(error)) throw error;
  log.warn(
    { container, because: explain(error) },
    "dependency cannot be looked at; it is started all the same",
  );
  return "unseen";
}

/** Waits for a stop that an earlier process requested and that may not be over. */
async function inspectDependency({ bus, mode }: Run, name: string): Promise<ContainerInspection | undefined> {
  const container = bus.host.engine.docker.getContainer(name);
  const inspect = await ifExists(container.inspect());
  if (inspect?.State.Running !== true || mode !== "update") return inspect;
  await awaitPendingStop({ engine: bus.host.engine, clock: bus.clock }, inspect);
  return ifExists(container.inspect());
}

/** A dependency that cannot be started at once keeps no other down. */
async function tryStart({ bus, log }: Run, name: string): Promise<boolean> {
  try {
    await startUnlessGone({ engine: bus.host.engine, clock: bus.clock }, name);
    return true;
  } catch (error) {
    log.warn({ container: name, because: explain(error) }, "dependency could not be started; trying again");
    return false;
  }
}

/**
 * The start cannot be refused: a service left down is a loss. Stopping Ouroboros ends the asking, not the starting.
 */
async function askToStart(run: Run, inspect: ContainerInspection): Promise<Suspended | undefined> {
  try {
    await run.gate.ask({
      hook: "before_start_depends_container",
      container: inspect.Name.slice(1),
      locals: { container: describeContainer(inspect) },
      reason: "the update of what depends on it is over",
      atMost: MAX_WAIT_WHILE_STOPPED_MS,
    });
    return undefined;
  } catch (error) {
    if (error instanceof Suspended) return error;
    throw error;
  }
}

async function recordTime(
  run: Run,
  container: string,
  step: string,
  act: () => Promise<void>,
): Promise<void> {
  const from = run.bus.clock.monotonic();
  await act();
  const ms = Math.round((run.bus.clock.monotonic() - from) * 10) / 10;
  if (!run.bus.signal.aborted) await run.journal.write({ kind: "did", container, step, ms });
}
