// Copies paths of one container into another: content, owner, mode and links as in the Engine's archive.
// Engine API: ContainerArchive, PutContainerArchive.
import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { type Headers, type Pack, extract, pack } from "tar-stream";
import type { Engine } from "../../../shared/docker/engine.ts";

interface CopyRequest {
  readonly from: string;
  readonly to: string;
  /** Folders before their content; a folder is copied without its content. */
  readonly paths: readonly string[];
}

/** Streams all paths through one archive, so nothing is held in memory. */
export async function copyPaths(engine: Engine, { from, to, paths }: CopyRequest): Promise<void> {
  if (paths.length === 0) return;
  const { Created } = await engine.docker.getContainer(to).inspect();
  const mtime = new Date(Math.ceil(Date.parse(Created) / 1000) * 1000); // file-origin.ts, C3
  const archive = pack();
  const putting = engine.dockerWithoutTimeout
    .getContainer(to)
    .putArchive(archive, { path: "/", noOverwriteDirNonDir: "1" });
  const filling = fill(archive, paths, (path, into) => copyPath(engine, from, { path, into, mtime }));
  const put = putting.catch((error: unknown) => {
    archive.destroy();
    throw error;
  });
  const [filled, done] = await Promise.allSettled([filling, put]);
  for (const result of [done, filled]) if (result.status === "rejected") throw result.reason;
}

async function fill(
  archive: Pack,
  paths: readonly string[],
  copy: (path: string, into: Pack) => Promise<void>,
): Promise<void> {
  try {
    for (const path of paths) await copy(path, archive);
    archive.finalize();
  } catch (error) {
    archive.destroy(error instanceof Error ? error : undefined);
    throw error;
  }
}

interface PathToCopy {
  readonly path: string;
  readonly into: Pack;
  readonly mtime: Date;
}

async function copyPath(
  { dockerWithoutTimeout }: Engine,
  from: string,
  { path, into, mtime }: PathToCopy,
): Promise<void> {
  const source = await dockerWithoutTimeout.getContainer(from).getArchive({ path });
  const reading = extract();
  const read = pipeline(source, reading).catch((error: unknown) => reading.destroy(error as Error));
  try {
    const [header, body] = (await once(reading, "entry")) as [Extended, NodeJS.ReadableStream];
    const name = path.slice(1) + (header.type === "directory" ? "/" : "");
    await addEntry(into, carried({ ...header, name, mtime }, path), body);
  } finally {
    (source as NodeJS.ReadableStream & { destroy: () => void }).destroy(); // skips the content of a folder
    reading.destroy();
    await read;
  }
}

/** Resolves once the next entry may follow. */
function addEntry(into: Pack, header: Headers, body: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    if (into.destroyed) return reject(new Error("the Engine takes no more of the archive"));
    const entry = into.entry(header, (error) => (error ? reject(error) : resolve()));
    if (header.type === "file") pipeline(body, entry).catch(reject);
  });
}

const XATTR = "SCHILY.xattr.";
const SPOILED = "\uFFFD";
/** Missing in the library's types. */
type Extended = Headers & { pax?: Readonly<Record<string, string>> | null };

/**
 * Of the archive's PAX records only extended attributes belong to the file. @throws Error if one cannot be copied.
 */
function carried(header: Extended, path: string): Extended {
  const pax = Object.fromEntries(Object.entries(header.pax ?? {}).filter(([key]) => key.startsWith(XATTR)));
  if (Object.values(pax).some((value) => value.includes(SPOILED)))
    throw new Error(`the extended attributes of ${path} cannot be carried over`);
  return { ...header, pax: Object.keys(pax).length > 0 ? pax : null };
}
