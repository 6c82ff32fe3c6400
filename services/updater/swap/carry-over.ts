// Files that were copied into a container before its first start (create/copied-in.ts says which) go into its successor
// before anything is stopped (copy-paths.ts). Where it cannot be told whether a file was copied in, the update is refused:
// nothing of its owner's is lost, and no old file hides a new one. Engine API: ContainerChanges, ContainerArchiveInfo.
import type { IncomingMessage } from "node:http";
import type { ContainerInspectInfo } from "dockerode";
import { type Engine, GONE, ifThere, isOlder, tolerating } from "../../../shared/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { inParallel } from "../../../shared/in-parallel.ts";
import { pathsIn } from "../../../shared/labels.ts";
import { canonicalPath } from "../create/canonical-path.ts";
import {
  type Changed,
  type Life,
  type PathStat,
  isNamed,
  isOwnPath,
  isSameFile,
  judge,
  wasThereFirst,
  withFolders,
} from "../create/copied-in.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import { copyPaths } from "./copy-paths.ts";
import type { Swap, SwapStep } from "./swap.ts";
import { successorName } from "./swap-names.ts";

const AT_A_TIME = 8;
const LABEL = "com.ouroboros.keep_files";

export const findCopiedIn: SwapStep = {
  name: "look for files that were copied in",
  do: async (swap) => {
    swap.copiedIn ??= await pathsCopiedIn(swap);
  },
};

/** Those of its dependants are found before anything is stopped, and copied when they are recreated. */
export const carryOver: SwapStep = {
  name: "copy them to the successor",
  do: async (swap) => {
    for (const dependant of swap.dependants)
      if (dependant.successor === undefined) await findCopiedIn.do(dependant);
    const { engine, old, copiedIn = [], successor = successorName(swap.name, swap.run) } = swap;
    await copyPaths(engine, { from: old.Id, to: successor, paths: copiedIn });
  },
};

async function pathsCopiedIn(swap: Swap): Promise<string[]> {
  const { engine, old } = swap;
  if (old.HostConfig["ReadonlyRootfs"] === true) return []; // nobody can write to it, nor copy into it
  const container = engine.docker.getContainer(old.Id);
  const said: unknown = await container.changes();
  const changes = Array.isArray(said) ? (said as readonly Change[]) : []; // for null the client gives the answer's bytes
  const mounts = mountPointsOf(old);
  const paths = changes.filter(({ Path, Kind }) => Kind !== DELETED && isOwnPath(Path, mounts));
  if (paths.length === 0) return [];
  const isAdded = (path: string): boolean => paths.some(({ Path, Kind }) => Path === path && Kind === ADDED);
  const named = pathsIn(old.Config.Labels ?? {}, LABEL);
  if (named !== undefined)
    return withFolders(
      paths.map(({ Path }) => Path).filter((path) => isNamed(path, named)),
      isAdded,
    );
  const changed = await statAll(engine, old.Id, [...paths, { Path: "/", Kind: CHANGED }]);
  return withFolders(await copiedInAmong(swap, changed), isAdded);
}

interface Change {
  readonly Path: string;
  readonly Kind: number;
}
const [CHANGED, ADDED, DELETED] = [0, 1, 2] as const;

const mountPointsOf = ({ Mounts, HostConfig }: ContainerDocument): string[] =>
  [
    ...Mounts.map(({ Destination }) => Destination),
    ...Object.keys((HostConfig["Tmpfs"] as object | null | undefined) ?? {}),
    ...(HostConfig.Mounts ?? []).map(({ Target }) => Target),
  ].map(canonicalPath);

/** What is gone by now, or hidden by a mount, is left out. */
async function statAll(engine: Engine, id: string, paths: readonly Change[]): Promise<Map<string, Changed>> {
  const found = await inParallel(paths, { all: AT_A_TIME }, async ({ Path: path, Kind }) => {
    const stat = await statOf(engine, id, path);
    return stat === undefined ? [] : [{ path, kind: Kind === ADDED ? "added" : "changed", stat } as const];
  });
  return new Map(found.flat().map((one) => [one.path, one]));
}

async function statOf({ docker }: Engine, id: string, path: string): Promise<PathStat | undefined> {
  const response = await ifThere(
    docker.getContainer(id).infoArchive({ path }) as Promise<IncomingMessage>,
  ).catch((cause: unknown) => {
    throw new Error(`${path} cannot be looked at: ${explain(cause)}`, { cause });
  });
  response?.resume();
  const header = response?.headers["x-docker-container-path-stat"] as string | undefined;
  return header === undefined
    ? undefined
    : (JSON.parse(Buffer.from(header, "base64").toString()) as PathStat);
}

async function copiedInAmong(swap: Swap, changed: ReadonlyMap<string, Changed>): Promise<string[]> {
  const life = lifeOf(swap);
  const folderOf = (path: string) => changed.get(path);
  const judged = [...changed.values()].map((one) => ({ one, verdict: judge(one, life, folderOf) }));
  const paths = (wanted: string) =>
    judged.filter(({ verdict }) => verdict === wanted).map(({ one }) => one.path);
  const replaced = await replacedIn(swap, paths("compare with the image"), changed);
  const isKnown = (path: string): boolean => wasThereFirst(path, life, folderOf);
  const doubtful = [...paths("doubtful"), ...replaced.filter((path) => !isKnown(path))];
  if (doubtful.length > 0) throw new Error(whyDoubtful(doubtful));
  return [...paths("copied in"), ...replaced.filter(isKnown)];
}

/** Before API 1.48 the Engine notes the start a moment after the process has begun. */
const NOTED_LATE_MS = 50;

function lifeOf({ engine, old }: Swap): Life {
  const { State } = old as unknown as ContainerInspectInfo;
  const isFirst = State.Running && Date.parse(State.FinishedAt) < 0;
  const late = isOlder(engine.api, "1.48") ? NOTED_LATE_MS : 0;
  return {
    created: Date.parse(old.Created),
    firstStart: isFirst ? Date.parse(State.StartedAt) - late : undefined,
  };
}

const TOLD = 3;

const whyDoubtful = (paths: readonly string[]): string =>
  `cannot tell whether ${paths.slice(0, TOLD).join(", ")}${paths.length > TOLD ? ` and ${paths.length - TOLD} more` : ""} ` +
  `were copied into the container before its first start or unpacked by it; recreate it with the label ${LABEL}: ` +
  "the paths to carry over, or `none`";

/**
 * Those that are not as the old image has them. A container of that image tells; it bears the successor's name, so that
 * recovery removes it as one that was not committed.
 */
async function replacedIn(
  { engine, old, oldImage, name, run }: Swap,
  paths: readonly string[],
  changed: ReadonlyMap<string, Changed>,
): Promise<string[]> {
  if (paths.length === 0) return [];
  const probe = await engine.docker.createContainer({
    Image: oldImage.Id,
    name: successorName(name, run),
    Cmd: ["true"],
    HostConfig: { NetworkMode: "none" },
    ...(old.Config.User !== undefined && { User: old.Config.User }),
  });
  try {
    const found = await inParallel(paths, { all: AT_A_TIME }, async (path) => {
      const stat = changed.get(path)?.stat;
      return stat && isSameFile(stat, await statOf(engine, probe.id, path)) ? [] : [path];
    });
    return found.flat();
  } finally {
    await tolerating([GONE], probe.remove({ force: true, v: true }));
  }
}
