// A dependency is stopped while what depends on it is updated, and a prune takes what is stopped: then it is made anew, before it is
// started. One that its owner removed meanwhile stays away.
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
  /** Names of what was made anew, which does not run yet. */
  readonly made: readonly string[];
  /** Names of what is there, whoever made it. */
  readonly there: readonly string[];
  /** What cannot be made again; each of them is one error in the log. */
  readonly lost: readonly LostDependency[];
}

/** Those of them that are gone. */
export async function restoreDependencies(
  it: RestoreContext,
  dependencies: readonly Dependency[],
): Promise<RestoredDependencies> {
  const made: string[] = [];
  const there: string[] = [];
  const lost: LostDependency[] = [];
  for (const { name } of dependencies) {
    const snapshot = await readSnapshot(it.snapshotStore, it.run, name);
    if (snapshot === undefined) continue;
    try {
      const what = await restoreDependency({ ...it, name }, snapshot);
      if (what === "made") made.push(name);
      if (what !== "removed by its owner") there.push(name);
    } catch (error) {
      const because = `dependency is gone and could not be made anew (${explain(error)}): once what stands in the way is gone, \`ouroboros repair\` does so`;
      it.log.error({ container: name, because }, "dependency is down");
      lost.push({ container: name, because });
    }
  }
  return { made, there, lost };
}

/** A prune between two calls is met again, so often. */
const MOST_PRUNES = 5;

/** Starts `stopped`, by name or id; what of the dependencies a prune took meanwhile is made anew, and started. Resolves with what is down. */
export async function startAndRestoreDependencies(
  it: RestoreContext & StartContext,
  dependencies: readonly Dependency[],
  stopped: readonly string[],
): Promise<LostDependency[]> {
  const replaced: string[] = [];
  const toStart = dependencies.filter(({ id, name }) => stopped.includes(id) || stopped.includes(name));
  for (const one of toStart) if (await remakeIfUnstartable(it, one)) replaced.push(one.name);
  const down: LostDependency[] = await startWithRetries(it, [...new Set([...stopped, ...replaced])]);
  for (let prunes = 0; prunes < MOST_PRUNES; prunes++) {
    const left = dependencies.filter(
      ({ id, name }) => !down.some(({ container }) => [id, name].includes(container)),
    );
    const { made, lost } = await restoreDependencies(it, left);
    down.push(...lost);
    if (made.length === 0) break;
    down.push(...(await startWithRetries(it, made)));
  }
  return down;
}

/** remake-container.ts: N3. All other failures are met when it is started. */
async function remakeIfUnstartable(it: RestoreContext, { id, name }: Dependency): Promise<boolean> {
  const { engine, clock, log } = it;
  const there = await ifExists(engine.docker.getContainer(id).inspect());
  if (there === undefined || there.State.Running) return false;
  const failure: unknown = await startStopped({ engine, clock }, id).catch((error: unknown) => error);
  const isLost = await isUnstartable({ ...it, name }, failure).catch(() => false); // told where it is started
  const snapshot = isLost ? await readSnapshot(it.snapshotStore, it.run, name) : undefined;
  if (snapshot === undefined) return false;
  await remakeOldContainer({ ...it, name, old: snapshot.container, oldImage: snapshot.image }, id);
  log.warn({ container: name }, "dependency cannot be started by the Engine any more; it is made anew");
  return true;
}

async function restoreDependency(
  it: RestoreContext & { readonly name: string },
  snapshot: Snapshot,
): Promise<"made" | "there" | "removed by its owner"> {
  const { engine, clock, run, name, log } = it;
  const inspect = (one: string) => ifExists(engine.docker.getContainer(one).inspect());
  const there = await inspect(snapshot.container.Id);
  if (there?.State.Running === false) await reattachIfGone(engine, { ...it, id: there.Id }, snapshot);
  if (there !== undefined || (await inspect(name)) !== undefined) return "there";
  if ((await inspect(backupName(name, run))) === undefined) {
    if (await isRemovedByOwner(engine, clock, snapshot.container.Id)) {
      log.warn({ container: name }, "dependency was removed by its owner; it is not made anew");
      return "removed by its owner";
    }
  }
  const old = { ...it, old: snapshot.container, oldImage: snapshot.image };
  await remakeOldContainer(old);
  log.warn({ container: name }, "dependency was removed while it was stopped; it is made anew");
  return "made";
}

async function reattachIfGone(
  { docker }: Engine,
  it: RestoreContext & { readonly name: string; readonly id: string },
  { networks }: Snapshot,
): Promise<void> {
  const there = await Promise.all(networks.map(({ Id }) => ifExists(docker.getNetwork(Id).inspect())));
  if (there.includes(undefined)) await reattachNetworks(it, it.id);
}
