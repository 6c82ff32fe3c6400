// Finding the files that were copied into a container before its first start (create/file-origin.ts says how they are
// known), so that they go into its successor. Most containers cost one call; those in doubt are asked themselves.
// Engine API: ContainerChanges, ContainerLogs.
import { once } from "node:events";
import type { Readable } from "node:stream";
import type { ContainerInspectInfo } from "dockerode";
import { type Engine, ifExists, statusOf } from "../../../shared/docker/engine.ts";
import { canonicalPath } from "../create/canonical-path.ts";
import {
  type ChangedFile,
  type FileFacts,
  type ContainerTimes,
  earliestWritten,
  isOwnPath,
  judgeFileOrigin,
  parentOf,
  mountPathAliases,
  withFolders,
} from "../create/file-origin.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import { findLastCopyInto } from "./container-events.ts";
import { readFileFactsInside, readFileFacts, hasArchive } from "./file-facts.ts";

/** Parents before children. None of one that is gone. @throws Error where it cannot be told. */
export async function findCopiedFiles(engine: Engine, container: ContainerDocument): Promise<string[]> {
  const { copied, doubtful } = await sortChangedFiles(engine, container);
  if (doubtful.length > 0) throw new Error(whyDoubtful(doubtful));
  return copied;
}

/** The same without those in doubt: better than none, where the container itself is gone. */
export const findSurelyCopiedFiles = async (
  engine: Engine,
  container: ContainerDocument,
): Promise<string[]> => (await sortChangedFiles(engine, container)).copied;

interface SortedFiles {
  readonly copied: string[];
  readonly doubtful: string[];
}

async function sortChangedFiles(engine: Engine, container: ContainerDocument): Promise<SortedFiles> {
  const isReadOnly = container.HostConfig["ReadonlyRootfs"] === true; // the Engine copies nothing into it
  const kinds: Kinds = isReadOnly ? new Map() : await changesOf(engine, container);
  if (kinds.size === 0) return { copied: [], doubtful: [] };
  const all = await inspectFiles(engine, container.Id, kinds);
  const life = readContainerTimes(container, all.get(START_MARK));
  const first = judgeFiles(all, life);
  const { copied, doubtful } =
    first.doubtful.length === 0
      ? first
      : judgeFiles(...(await withEvidence(engine, container, { all, life })));
  return { copied: withFolders(copied, (path) => kinds.get(path) === "added"), doubtful };
}

type Kinds = ReadonlyMap<string, ChangedFile["kind"]>;
type ChangedFiles = ReadonlyMap<string, ChangedFile>;
const ADDED = 1;
const DELETED = 2;

/** @throws Error where a proxy in between lets the question not through. */
async function changesOf({ docker }: Engine, container: ContainerDocument): Promise<Kinds> {
  const said: unknown = await ifExists(docker.getContainer(container.Id).changes()).catch(
    (error: unknown) => {
      if (statusOf(error) !== 403) throw error;
      throw new Error(
        "the proxy before the Engine denies GET /containers/{id}/changes: what was copied into the container would be lost",
        { cause: error },
      );
    },
  );
  const changes = Array.isArray(said) ? (said as readonly { Path: string; Kind: number }[]) : []; // for null the client gives bytes
  const mounts = mountPointsOf(container);
  return new Map(
    changes
      .filter(({ Path, Kind }) => Kind !== DELETED && isOwnPath(Path, mounts))
      .map(({ Path, Kind }) => [Path, Kind === ADDED ? "added" : "changed"]),
  );
}

const mountPointsOf = ({ Mounts, HostConfig }: ContainerDocument): string[] =>
  [
    ...Mounts.map(({ Destination }) => Destination),
    ...Object.keys((HostConfig["Tmpfs"] as object | null | undefined) ?? {}),
    ...(HostConfig.Mounts ?? []).map(({ Target }) => Target),
  ].flatMap((path) => mountPathAliases(canonicalPath(path)));

/** So many are asked for inside, where that can be. */
const MANY = 256;

/** And the folders above them. */
async function inspectFiles(engine: Engine, id: string, kinds: Kinds): Promise<ChangedFiles> {
  const paths = new Set([...kinds.keys(), START_MARK]);
  for (const path of kinds.keys())
    for (let folder = path; folder !== "/"; folder = parentOf(folder)) paths.add(parentOf(folder));
  const isOpen = await hasArchive(engine, id);
  const inside: ReadonlyMap<string, FileFacts> =
    paths.size > MANY || !isOpen ? await readFileFactsInside(engine, id, [...paths]) : new Map();
  const left = isOpen ? [...paths].filter((path) => !inside.has(path)) : [];
  return asChanged(kinds, new Map([...inside, ...(await readFileFacts(engine, id, left))]));
}

const asChanged = (kinds: Kinds, facts: ReadonlyMap<string, FileFacts>): ChangedFiles =>
  new Map([...facts].map(([path, one]) => [path, { ...one, path, kind: kinds.get(path) ?? "changed" }]));

function judgeFiles(all: ChangedFiles, life: ContainerTimes): SortedFiles {
  const judged = [...all.values()]
    .filter(({ path }) => path !== START_MARK)
    .map((one) => ({ path: one.path, verdict: judgeFileOrigin(one, life, (path) => all.get(path)) }));
  const paths = (wanted: string) =>
    judged.filter(({ verdict }) => verdict === wanted).map(({ path }) => path);
  return { copied: paths("copied in"), doubtful: paths("doubtful") };
}

const timeOf = (text: string): number => Date.parse(text);

/** The Engine notes a start once it is done; before the first process runs it writes this file. */
const START_MARK = "/etc/hostname";

function readContainerTimes(container: ContainerDocument, mark: FileFacts | undefined): ContainerTimes {
  const { State } = container as unknown as ContainerInspectInfo;
  const [created, lastStart] = [timeOf(container.Created), timeOf(State.StartedAt)];
  if (timeOf(State.FinishedAt) > 0) return { created, lastStart, firstStart: undefined };
  if (!(lastStart > 0)) return { created, lastStart, firstStart: Infinity };
  const isOfThisStart = mark !== undefined && mark.mtime >= created && mark.mtime <= lastStart;
  return { created, lastStart, firstStart: isOfThisStart ? mark.mtime : lastStart };
}

async function withEvidence(
  engine: Engine,
  container: ContainerDocument,
  { all, life }: { all: ChangedFiles; life: ContainerTimes },
): Promise<[ChangedFiles, ContainerTimes]> {
  const inside = await readFileFactsInside(engine, container.Id, [...all.keys()]);
  const kinds = new Map([...all].map(([path, { kind }]) => [path, kind]));
  const now = new Map([...all, ...asChanged(kinds, inside)]);
  const lastCopy = await findLastCopyInto(engine, container.Id, life.created);
  if ((life.firstStart ?? lastCopy) !== undefined) return [now, { ...life, lastCopy }];
  const printed = await firstPrinted(engine, container.Id);
  return [now, { ...life, wrote: Math.min(printed, earliestWritten([...now.values()], life.created)) }];
}

const PATIENCE_MS = 2000;
const STAMP = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:\d\d)/;

/** Infinity where nothing is known of it: not every log can be read. */
async function firstPrinted({ dockerWithoutTimeout }: Engine, id: string): Promise<number> {
  const abortSignal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const log = (await dockerWithoutTimeout.getContainer(id).logs({
      ...{ follow: true, stdout: true, stderr: true, timestamps: true, abortSignal },
    })) as unknown as Readable;
    try {
      const [chunk] = (await once(log, "data", { signal: abortSignal })) as [Buffer];
      return timeOf(STAMP.exec(chunk.toString())?.[0] ?? "") || Infinity;
    } finally {
      log.destroy();
    }
  } catch {
    return Infinity;
  }
}

const MAX_LISTED = 3;

const whyDoubtful = (paths: readonly string[]): string =>
  `cannot tell whether ${paths.slice(0, MAX_LISTED).join(", ")}${paths.length > MAX_LISTED ? ` and ${paths.length - MAX_LISTED} more` : ""} ` +
  "were copied into the container before its first start, or unpacked by it: mount them, or recreate the container once by hand";
