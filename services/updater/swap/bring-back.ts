// A dependency is stopped while what depends on it is updated, and a prune takes what is stopped: then it is made anew, before it is
// started. One that its owner removed meanwhile stays away.
import type { Logger } from "pino";
import type { Clock } from "../../../shared/clock.ts";
import { type Engine, ifThere } from "../../../shared/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { type Snapshot, readSnapshot } from "../journal/snapshots.ts";
import { type Remaking, reattach } from "./make-anew.ts";
import { startsNoMore } from "./parents.ts";
import { isRemovedByOwner } from "./removals.ts";
import { type StartContext, startPatiently } from "./start-patiently.ts";
import { startStopped } from "./start-stopped.ts";
import { backupName } from "../../../shared/swap-names.ts";
import { makeOldAnew } from "./way-back.ts";

type Bringing = Pick<Remaking, "engine" | "shelf" | "run" | "replaced" | "making" | "fetchImage"> & {
  readonly clock: Clock;
  readonly log: Logger;
};

interface Lost {
  readonly container: string;
  readonly because: string;
}

export interface Dependency {
  readonly id: string;
  readonly name: string;
}

interface BroughtBack {
  /** Names of what was made anew, which does not run yet. */
  readonly made: readonly string[];
  /** Names of what is there, whoever made it. */
  readonly there: readonly string[];
  /** What cannot be made again; each of them is one error in the log. */
  readonly lost: readonly Lost[];
}

/** Those of them that are gone. */
export async function bringBack(it: Bringing, dependencies: readonly Dependency[]): Promise<BroughtBack> {
  const made: string[] = [];
  const there: string[] = [];
  const lost: Lost[] = [];
  for (const { name } of dependencies) {
    const snapshot = await readSnapshot(it.shelf, it.run, name);
    if (snapshot === undefined) continue;
    try {
      const what = await bringOneBack({ ...it, name }, snapshot);
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
export async function startAndBringBack(
  it: Bringing & StartContext,
  dependencies: readonly Dependency[],
  stopped: readonly string[],
): Promise<Lost[]> {
  const replaced: string[] = [];
  const toStart = dependencies.filter(({ id, name }) => stopped.includes(id) || stopped.includes(name));
  for (const one of toStart) if (await isReplaced(it, one)) replaced.push(one.name);
  const down: Lost[] = await startPatiently(it, [...new Set([...stopped, ...replaced])]);
  for (let prunes = 0; prunes < MOST_PRUNES; prunes++) {
    const left = dependencies.filter(
      ({ id, name }) => !down.some(({ container }) => [id, name].includes(container)),
    );
    const { made, lost } = await bringBack(it, left);
    down.push(...lost);
    if (made.length === 0) break;
    down.push(...(await startPatiently(it, made)));
  }
  return down;
}

/** make-anew.ts: N3. All other failures are met when it is started. */
async function isReplaced(it: Bringing, { id, name }: Dependency): Promise<boolean> {
  const { engine, clock, log } = it;
  const there = await ifThere(engine.docker.getContainer(id).inspect());
  if (there === undefined || there.State.Running) return false;
  const failure: unknown = await startStopped({ engine, clock }, id).catch((error: unknown) => error);
  const isLost = await startsNoMore({ ...it, name }, failure).catch(() => false); // told where it is started
  const snapshot = isLost ? await readSnapshot(it.shelf, it.run, name) : undefined;
  if (snapshot === undefined) return false;
  await makeOldAnew({ ...it, name, old: snapshot.container, oldImage: snapshot.image }, id);
  log.warn({ container: name }, "dependency cannot be started by the Engine any more; it is made anew");
  return true;
}

async function bringOneBack(
  it: Bringing & { readonly name: string },
  snapshot: Snapshot,
): Promise<"made" | "there" | "removed by its owner"> {
  const { engine, clock, run, name, log } = it;
  const inspect = (one: string) => ifThere(engine.docker.getContainer(one).inspect());
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
  await makeOldAnew(old);
  log.warn({ container: name }, "dependency was removed while it was stopped; it is made anew");
  return "made";
}

async function reattachIfGone(
  { docker }: Engine,
  it: Bringing & { readonly name: string; readonly id: string },
  { networks }: Snapshot,
): Promise<void> {
  const there = await Promise.all(networks.map(({ Id }) => ifThere(docker.getNetwork(Id).inspect())));
  if (there.includes(undefined)) await reattach(it, it.id);
}
