// Reads the type and the times of a container's files: from the Engine's archive, which has no change time, or with
// `stat` inside the container, which reads many files in one call but needs a running container that has the program.
// Engine API: ContainerArchiveInfo, ContainerExec.
import type { IncomingMessage } from "node:http";
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { type Engine, ifExists, statusOf } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { inParallel } from "../../../shared/in-parallel.ts";
import type { FileFacts } from "../create/file-origin.ts";

const AT_A_TIME = 8;

/** Omits paths that no longer exist. */
export async function readFileFacts(
  engine: Engine,
  id: string,
  paths: readonly string[],
): Promise<Map<string, FileFacts>> {
  const found = await inParallel(paths, { all: AT_A_TIME }, async (path) => {
    const facts = await readFileFact(engine, id, path);
    return facts === undefined ? [] : [[path, facts] as const];
  });
  return new Map(found.flat());
}

/**
 * Before a copy the Engine mounts everything. If it cannot (a mount below an absolute link such as /var/run), nobody
 * can have copied anything into the container either.
 */
export async function hasArchive(engine: Engine, id: string): Promise<boolean> {
  try {
    await readFileFact(engine, id, "/");
    return true;
  } catch (error) {
    if (statusOf((error as Error).cause) !== 500) throw error;
    return false;
  }
}

async function readFileFact({ docker }: Engine, id: string, path: string): Promise<FileFacts | undefined> {
  const response = await ifExists(
    docker.getContainer(id).infoArchive({ path }) as Promise<IncomingMessage>,
  ).catch((cause: unknown) => {
    throw new Error(`${path} cannot be looked at: ${explain(cause)}`, { cause });
  });
  response?.resume();
  const header = response?.headers["x-docker-container-path-stat"];
  if (typeof header !== "string") return undefined;
  const { mode, mtime } = JSON.parse(Buffer.from(header, "base64").toString()) as {
    mode: number;
    mtime: string;
  };
  return { type: typeByGo(mode), mtime: Date.parse(mtime), isWhole: !mtime.includes(".") };
}

/** The highest bits of Go's FileMode: a folder, a symbolic link, and the types that cannot be copied. */
function typeByGo(mode: number): FileFacts["type"] {
  if (mode >= 2 ** 31) return "folder";
  const bits = Math.floor(mode / 2 ** 19) % 2 ** 12;
  if ((bits & (1 << 8)) !== 0) return "link";
  return (bits & ((1 << 7) | (1 << 6) | (1 << 5) | (1 << 2))) === 0 ? "file" : "other";
}

const PROGRAMS: readonly (readonly string[])[] = [["stat"], ["busybox", "stat"], ["/bin/busybox", "stat"]];
const FORMAT = "%f|%y|%z|%n";
const PATHS_AT_ONCE = 500;
const STAT_WITHIN_MS = 20_000;

/** Empty if the container does not run, has no `stat`, or its `stat` prints no fractions of a second. */
export async function readFileFactsInside(
  engine: Engine,
  id: string,
  paths: readonly string[],
): Promise<Map<string, FileFacts>> {
  for (const program of PROGRAMS) {
    const found = await readFileFactsBy(program, engine, { id, paths });
    if ([...found.values()].some(({ ctime = 0 }) => ctime % 1000 !== 0)) return found;
  }
  return new Map();
}

async function readFileFactsBy(
  program: readonly string[],
  engine: Engine,
  { id, paths }: { id: string; paths: readonly string[] },
): Promise<Map<string, FileFacts>> {
  const found = new Map<string, FileFacts>();
  for (let from = 0; from < paths.length; from += PATHS_AT_ONCE) {
    const batch = paths.slice(from, from + PATHS_AT_ONCE);
    const output = await outputOf(engine, id, [...program, "-c", FORMAT, ...batch]).catch(() => "");
    const before = found.size;
    for (const line of output.split("\n")) {
      const [path, facts] = parseStat(line) ?? [];
      if (path !== undefined && facts !== undefined) found.set(path, facts);
    }
    if (found.size === before) break; // no such program
  }
  return found;
}

/** Runs as root, because other users may not read every folder. */
async function outputOf({ dockerWithoutTimeout }: Engine, id: string, Cmd: string[]): Promise<string> {
  const abortSignal = AbortSignal.timeout(STAT_WITHIN_MS);
  const exec = await dockerWithoutTimeout.getContainer(id).exec({
    ...{ Cmd, User: "0", AttachStdout: true, AttachStderr: true, abortSignal },
  });
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => done(void chunks.push(chunk)),
  });
  const stderr = new Writable({ write: (_chunk, _encoding, done) => done() });
  const stream = await exec.start({ abortSignal });
  dockerWithoutTimeout.modem.demuxStream(stream, stdout, stderr);
  await finished(stream, { signal: abortSignal, writable: false });
  return Buffer.concat(chunks).toString();
}

const TIME = String.raw`(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\.(\d{9}) ([+-]\d\d)(\d\d)`;
const LINE = new RegExp(String.raw`^([\da-f]+)\|${TIME}\|${TIME}\|(.+)$`);

/** Parses a line of `stat` in FORMAT; undefined for any other line. */
export function parseStat(line: string): readonly [path: string, facts: FileFacts] | undefined {
  const [, mode = "", ...rest] = LINE.exec(line) ?? [];
  const path = rest[10];
  if (path === undefined) return undefined;
  const timeOf = (at: number): number =>
    Date.parse(`${rest[at]}T${rest[at + 1]}.${rest[at + 2]?.slice(0, 3)}${rest[at + 3]}:${rest[at + 4]}`);
  const isWhole = rest[2] === "000000000";
  return [path, { type: typeByUnix(parseInt(mode, 16)), mtime: timeOf(0), isWhole, ctime: timeOf(5) }];
}

function typeByUnix(mode: number): FileFacts["type"] {
  const types: Readonly<Record<number, FileFacts["type"]>> = { 0o04: "folder", 0o10: "file", 0o12: "link" };
  return types[(mode >> 12) & 0o17] ?? "other";
}
