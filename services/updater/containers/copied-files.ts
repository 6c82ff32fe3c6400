// Finds the files that were copied into a container before its first start, so that its successor gets them too.
// create/file-origin.ts has the rules. Most containers cost one call; in doubt the container itself is queried.
// Engine API: ContainerChanges, ContainerLogs.
import { once } from "node:events";
import { messageOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import type { Readable } from "node:stream";
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
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
import { findLastCopyInto } from "./container-events.ts";
import { readFileFactsInside, readFileFacts, hasArchive } from "./file-facts.ts";

/** Parents before children; empty if the container is gone. @throws Error if the origin of a file stays in doubt. */
export async function findCopiedFiles(engine: Engine, container: ContainerInspection): Promise<string[]> {
  const { copied, doubtful } = await sortChangedFiles(engine, container);
  if (doubtful.length > 0) throw new Error(whyDoubtful(doubtful));
  return copied;
}

/** Omits the files in doubt: better than copying none, when the container itself is gone. */
export const findSurelyCopiedFiles = async (
  engine: Engine,
  container: ContainerInspection,
): Promise<string[]> => (await sortChangedFiles(engine, container)).copied;

interface SortedFiles {
  readonly copied: string[];
  readonly doubtful: string[];
}

async function sortChangedFiles(engine: Engine, container: ContainerInspection): Promise<SortedFiles> {
  const isReadOnly = container.HostConfig["ReadonlyRootfs"] === true; // the Engine refuses to copy into it
  const kinds: Kinds = isReadOnly ? new Map() : await changesOf(engine, container);
  if (kinds.size === 0) return { copied: [], doubtful: [] };
  const all = await inspectFiles(engine, container.Id, kinds);
  const times = readContainerTimes(container, all.get(START_MARK));
  const first = judgeFiles(all, times);
  const { copied, doubtful } =
    first.doubtful.length === 0
      ? first
      : judgeFiles(...(await withEvidence(engine, container, { all, times })));
  return { copied: withFolders(copied, (path) => kinds.get(path) === "added"), doubtful };
}

type Kinds = ReadonlyMap<string, ChangedFile["kind"]>;
type ChangedFiles = ReadonlyMap<string, ChangedFile>;
const ADDED = 1;
const DELETED = 2;

/** @throws Error if a proxy before the Engine denies the call. */
async function changesOf({ docker }: Engine, container: ContainerInspection): Promise<Kinds> {
  const answer: unknown = await ifExists(docker.getContainer(container.Id).changes()).catch(
    (error: unknown) => {
      if (statusOf(error) !== 403) throw error;
      throw new Error(messageOf(updateFailures.changesDenied), { cause: error });
    },
  );
  // The Engine answers null for "no changes", which the client returns as bytes.
  const changes = Array.isArray(answer) ? (answer as readonly { Path: string; Kind: number }[]) : [];
  const mounts = mountPointsOf(container);
  return new Map(
    changes
      .filter(({ Path, Kind }) => Kind !== DELETED && isOwnPath(Path, mounts))
      .map(({ Path, Kind }) => [Path, Kind === ADDED ? "added" : "changed"]),
  );
}

const mountPointsOf = ({ Mounts, HostConfig }: ContainerInspection): string[] =>
  [
    ...Mounts.map(({ Destination }) => Destination),
    ...Object.keys((HostConfig["Tmpfs"] as object | null | undefined) ?? {}),
    ...(HostConfig.Mounts ?? []).map(({ Target }) => Target),
  ].flatMap((path) => mountPathAliases(canonicalPath(path)));

/** From this many paths on, `stat` runs inside the container if possible. */
const MANY = 256;

/** Inspects the changed files and the folders above them. */
async function inspectFiles(engine: Engine, id: string, kinds: Kinds): Promise<ChangedFiles> {
  const paths = new Set([...kinds.keys(), START_MARK]);
  for (const path of kinds.keys())
    for (let folder = path; folder !== "/"; folder = parentOf(folder)) paths.add(parentOf(folder));
  const isReadable = await hasArchive(engine, id);
  const inside: ReadonlyMap<string, FileFacts> =
    paths.size > MANY || !isReadable ? await readFileFactsInside(engine, id, [...paths]) : new Map();
  const left = isReadable ? [...paths].filter((path) => !inside.has(path)) : [];
  return asChanged(kinds, new Map([...inside, ...(await readFileFacts(engine, id, left))]));
}

const asChanged = (kinds: Kinds, facts: ReadonlyMap<string, FileFacts>): ChangedFiles =>
  new Map([...facts].map(([path, file]) => [path, { ...file, path, kind: kinds.get(path) ?? "changed" }]));

function judgeFiles(all: ChangedFiles, times: ContainerTimes): SortedFiles {
  const judged = [...all.values()]
    .filter(({ path }) => path !== START_MARK)
    .map((file) => ({ path: file.path, verdict: judgeFileOrigin(file, times, (path) => all.get(path)) }));
  const paths = (wanted: string) =>
    judged.filter(({ verdict }) => verdict === wanted).map(({ path }) => path);
  return { copied: paths("copied in"), doubtful: paths("doubtful") };
}

const timeOf = (text: string): number => Date.parse(text);

/** The Engine records a start only when it is done, but writes this file before the first process runs. */
const START_MARK = "/etc/hostname";

function readContainerTimes(container: ContainerInspection, mark: FileFacts | undefined): ContainerTimes {
  const { State } = container;
  const [created, lastStart] = [timeOf(container.Created), timeOf(State.StartedAt)];
  if (timeOf(State.FinishedAt) > 0) return { created, lastStart, firstStart: undefined };
  if (!(lastStart > 0)) return { created, lastStart, firstStart: Infinity };
  const isOfThisStart = mark !== undefined && mark.mtime >= created && mark.mtime <= lastStart;
  return { created, lastStart, firstStart: isOfThisStart ? mark.mtime : lastStart };
}

async function withEvidence(
  engine: Engine,
  container: ContainerInspection,
  { all, times }: { all: ChangedFiles; times: ContainerTimes },
): Promise<[ChangedFiles, ContainerTimes]> {
  const inside = await readFileFactsInside(engine, container.Id, [...all.keys()]);
  const kinds = new Map([...all].map(([path, { kind }]) => [path, kind]));
  const now = new Map([...all, ...asChanged(kinds, inside)]);
  const lastCopy = await findLastCopyInto(engine, container.Id, times.created);
  if ((times.firstStart ?? lastCopy) !== undefined) return [now, { ...times, lastCopy }];
  const printed = await firstPrinted(engine, container.Id);
  return [now, { ...times, wrote: Math.min(printed, earliestWritten([...now.values()], times.created)) }];
}

const LOG_WITHIN_MS = 2000;
const STAMP = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:\d\d)/;

/** When the container printed its first line; Infinity if that is unknown: not every log can be read. */
async function firstPrinted({ dockerWithoutTimeout }: Engine, id: string): Promise<number> {
  const abortSignal = AbortSignal.timeout(LOG_WITHIN_MS);
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
