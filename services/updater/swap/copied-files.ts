// Finding the files that were copied into a container before its first start (create/copied-in.ts says how they are
// known), so that they go into its successor. Most containers cost one call; those in doubt are asked themselves.
// Engine API: ContainerChanges, ContainerLogs.
import { once } from "node:events";
import type { Readable } from "node:stream";
import type { ContainerInspectInfo } from "dockerode";
import { type Engine, ifThere, statusOf } from "../../../shared/engine.ts";
import { canonicalPath } from "../create/canonical-path.ts";
import {
  type Changed,
  type FileFacts,
  type Life,
  earliestWritten,
  isOwnPath,
  judge,
  parentOf,
  placesOf,
  withFolders,
} from "../create/copied-in.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import { lastCopyInto } from "./container-events.ts";
import { factsInside, factsOf, hasArchive } from "./facts-of-files.ts";

/** Parents before children. None of one that is gone. @throws Error where it cannot be told. */
export async function copiedInto(engine: Engine, container: ContainerDocument): Promise<string[]> {
  const { copied, doubtful } = await sortOut(engine, container);
  if (doubtful.length > 0) throw new Error(whyDoubtful(doubtful));
  return copied;
}

/** The same without those in doubt: better than none, where the container itself is gone. */
export const surelyCopiedInto = async (engine: Engine, container: ContainerDocument): Promise<string[]> =>
  (await sortOut(engine, container)).copied;

interface Sorted {
  readonly copied: string[];
  readonly doubtful: string[];
}

async function sortOut(engine: Engine, container: ContainerDocument): Promise<Sorted> {
  const isReadOnly = container.HostConfig["ReadonlyRootfs"] === true; // the Engine copies nothing into it
  const kinds: Kinds = isReadOnly ? new Map() : await changesOf(engine, container);
  if (kinds.size === 0) return { copied: [], doubtful: [] };
  const all = await look(engine, container.Id, kinds);
  const life = lifeOf(container, all.get(START_MARK));
  const first = verdictsOn(all, life);
  const { copied, doubtful } =
    first.doubtful.length === 0
      ? first
      : verdictsOn(...(await withEvidence(engine, container, { all, life })));
  return { copied: withFolders(copied, (path) => kinds.get(path) === "added"), doubtful };
}

type Kinds = ReadonlyMap<string, Changed["kind"]>;
type ChangedFiles = ReadonlyMap<string, Changed>;
const ADDED = 1;
const DELETED = 2;

/** @throws Error where a proxy in between lets the question not through. */
async function changesOf({ docker }: Engine, container: ContainerDocument): Promise<Kinds> {
  const said: unknown = await ifThere(docker.getContainer(container.Id).changes()).catch((error: unknown) => {
    if (statusOf(error) !== 403) throw error;
    throw new Error(
      "the proxy before the Engine denies GET /containers/{id}/changes: what was copied into the container would be lost",
      { cause: error },
    );
  });
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
  ].flatMap((path) => placesOf(canonicalPath(path)));

/** So many are asked for inside, where that can be. */
const MANY = 256;

/** And the folders above them. */
async function look(engine: Engine, id: string, kinds: Kinds): Promise<ChangedFiles> {
  const paths = new Set([...kinds.keys(), START_MARK]);
  for (const path of kinds.keys())
    for (let folder = path; folder !== "/"; folder = parentOf(folder)) paths.add(parentOf(folder));
  const isOpen = await hasArchive(engine, id);
  const inside: ReadonlyMap<string, FileFacts> =
    paths.size > MANY || !isOpen ? await factsInside(engine, id, [...paths]) : new Map();
  const left = isOpen ? [...paths].filter((path) => !inside.has(path)) : [];
  return asChanged(kinds, new Map([...inside, ...(await factsOf(engine, id, left))]));
}

const asChanged = (kinds: Kinds, facts: ReadonlyMap<string, FileFacts>): ChangedFiles =>
  new Map([...facts].map(([path, one]) => [path, { ...one, path, kind: kinds.get(path) ?? "changed" }]));

function verdictsOn(all: ChangedFiles, life: Life): Sorted {
  const judged = [...all.values()]
    .filter(({ path }) => path !== START_MARK)
    .map((one) => ({ path: one.path, verdict: judge(one, life, (path) => all.get(path)) }));
  const paths = (wanted: string) =>
    judged.filter(({ verdict }) => verdict === wanted).map(({ path }) => path);
  return { copied: paths("copied in"), doubtful: paths("doubtful") };
}

const timeOf = (text: string): number => Date.parse(text);

/** The Engine notes a start once it is done; before the first process runs it writes this file. */
const START_MARK = "/etc/hostname";

function lifeOf(container: ContainerDocument, mark: FileFacts | undefined): Life {
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
  { all, life }: { all: ChangedFiles; life: Life },
): Promise<[ChangedFiles, Life]> {
  const inside = await factsInside(engine, container.Id, [...all.keys()]);
  const kinds = new Map([...all].map(([path, { kind }]) => [path, kind]));
  const now = new Map([...all, ...asChanged(kinds, inside)]);
  const lastCopy = await lastCopyInto(engine, container.Id, life.created);
  if ((life.firstStart ?? lastCopy) !== undefined) return [now, { ...life, lastCopy }];
  const printed = await firstPrinted(engine, container.Id);
  return [now, { ...life, wrote: Math.min(printed, earliestWritten([...now.values()], life.created)) }];
}

const PATIENCE_MS = 2000;
const STAMP = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(?:Z|[+-]\d\d:\d\d)/;

/** Infinity where nothing is known of it: not every log can be read. */
async function firstPrinted({ patient }: Engine, id: string): Promise<number> {
  const abortSignal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const log = (await patient.getContainer(id).logs({
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

const TOLD = 3;

const whyDoubtful = (paths: readonly string[]): string =>
  `cannot tell whether ${paths.slice(0, TOLD).join(", ")}${paths.length > TOLD ? ` and ${paths.length - TOLD} more` : ""} ` +
  "were copied into the container before its first start, or unpacked by it: mount them, or recreate the container once by hand";
