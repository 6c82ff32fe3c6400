// Restores dependencies. A dependency is stopped during the update, and a prune removes stopped containers; such a
// dependency is recreated before it is started. One that its owner removed meanwhile stays away.
import type { Logger } from "pino";
import type { Clock } from "../../../shared/clock.ts";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { type Snapshot, readSnapshot } from "../journal/snapshot-store.ts";
import { type RemakeContext, reattachNetworks } from "./remake-container.ts";
import { isUnstartable } from "./namespace-parents.ts";
import { isRemovedByOwner } from "../containers/container-removals.ts";
import { type StartContext, startWithRetries } from "./start-with-retries.ts";
import { startStopped } from "../containers/start-stopped.ts";
import { backupName } from "../../../shared/containers/swap-names.ts";
import { remakeOldContainer } from "./rollback-resources.ts";

type RestoreContext = Pick<
  RemakeContext,
  "engine" | "snapshotStore" | "run" | "replaced" | "tagSemaphore" | "fetchImage"
> & {
  readonly clock: Clock;
  readonly log: Logger;
};

interface LostDependency {
  readonly container: string;
  readonly because: string;
}

export interface Dependency {
  readonly id: string;
  readonly name: string;
}

interface RestoredDependencies {
  /** Names of the recreated dependencies, which do not run yet. */
  readonly made: readonly string[];
  /** Names of the dependencies that exist, whoever made them. */
  readonly existing: readonly string[];
  /** Dependencies that cannot be recreated; each of them is one error in the log. */
  readonly lost: readonly LostDependency[];
}

/** Recreates the dependencies that are gone, without starting them. */
export async function restoreDependencies(
  context: RestoreContext,
  dependencies: readonly Dependency[],
): Promise<RestoredDependencies> {
  const made: string[] = [];
  const existing: string[] = [];
  const lost: LostDependency[] = [];
  for (const { name } of dependencies) {
    const snapshot = await readSnapshot(context.snapshotStore, context.run, name);
    if (snapshot === undefined) continue;
    try {
      const result = await restoreDependency({ ...context, name }, snapshot);
      if (result === "made") made.push(name);
      if (result !== "removed by its owner") existing.push(name);
    } catch (error) {
      const because = `dependency is gone and could not be made anew (${explain(error)}): once what stands in the way is gone, \`ouroboros repair\` does so`;
      context.log.error({ container: name, because }, "dependency is down");
      lost.push({ container: name, because });
    }
  }
  return { made, existing, lost };
}

/** How many prunes between two calls are repaired. */
const MOST_PRUNES = 5;

/**
 * Starts `stopped`, given by name or id. Recreates and starts the dependencies that a prune removed meanwhile.
 * Resolves with the containers that are down.
 */
export async function startAndRestoreDependencies(
  context: RestoreContext & StartContext,
  dependencies: readonly Dependency[],
  stopped: readonly string[],
): Promise<LostDependency[]> {
  const replaced: string[] = [];
  const toStart = dependencies.filter(({ id, name }) => stopped.includes(id) || stopped.includes(name));
  for (const dependency of toStart)
    if (await remakeIfUnstartable(context, dependency)) replaced.push(dependency.name);
  const down: LostDependency[] = await startWithRetries(context, [...new Set([...stopped, ...replaced])]);
  for (let prunes = 0; prunes < MOST_PRUNES; prunes++) {
    const left = dependencies.filter(
      ({ id, name }) => !down.some(({ container }) => [id, name].includes(container)),
    );
    const { made, lost } = await restoreDependencies(context, left);
    down.push(...lost);
    if (made.length === 0) break;
    down.push(...(await startWithRetries(context, made)));
  }
  return down;
}

/** remake-container.ts: N3. The later start handles all other failures. */
async function remakeIfUnstartable(context: RestoreContext, { id, name }: Dependency): Promise<boolean> {
  const { engine, clock, log } = context;
  const inspected = await ifExists(engine.docker.getContainer(id).inspect());
  if (inspected === undefined || inspected.State.Running) return false;
  const failure: unknown = await startStopped({ engine, clock }, id).catch((error: unknown) => error);
  const isLost = await isUnstartable({ ...context, name }, failure).catch(() => false); // the later start reports it
  const snapshot = isLost ? await readSnapshot(context.snapshotStore, context.run, name) : undefined;
  if (snapshot === undefined) return false;
  await remakeOldContainer({ ...context, name, old: snapshot.container, oldImage: snapshot.image }, id);
  log.warn({ container: name }, "dependency cannot be started by the Engine any more; it is made anew");
  return true;
}

async function restoreDependency(
  context: RestoreContext & { readonly name: string },
  snapshot: Snapshot,
): Promise<"made" | "exists" | "removed by its owner"> {
  const { engine, clock, run, name, log } = context;
  const inspect = (idOrName: string) => ifExists(engine.docker.getContainer(idOrName).inspect());
  const inspected = await inspect(snapshot.container.Id);
  if (inspected?.State.Running === false)
    await reattachIfGone(engine, { ...context, id: inspected.Id }, snapshot);
  if (inspected !== undefined || (await inspect(name)) !== undefined) return "exists";
  if ((await inspect(backupName(name, run))) === undefined) {
    if (await isRemovedByOwner(engine, clock, snapshot.container.Id)) {
      log.warn({ container: name }, "dependency was removed by its owner; it is not made anew");
      return "removed by its owner";
    }
  }
  const old = { ...context, old: snapshot.container, oldImage: snapshot.image };
  await remakeOldContainer(old);
  log.warn({ container: name }, "dependency was removed while it was stopped; it is made anew");
  return "made";
}

async function reattachIfGone(
  { docker }: Engine,
  context: RestoreContext & { readonly name: string; readonly id: string },
  { networks }: Snapshot,
): Promise<void> {
  const found = await Promise.all(networks.map(({ Id }) => ifExists(docker.getNetwork(Id).inspect())));
  if (found.includes(undefined)) await reattachNetworks(context, context.id);
}
