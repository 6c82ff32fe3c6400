// DATA_DIR that cannot be used is one sentence: what is wrong with it, and what to do.
import { statfs } from "node:fs/promises";
import { CannotStart, explain } from "../errors.ts";

/** What a start may need: streams, buckets, and the records of a run. */
const LEAST_BYTES = 1 << 20;

/** @throws CannotStart where it is full, or so nearly that nothing could be recorded. */
export async function requireFreeSpace(dataDir: string): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(dataDir).catch(() => ({ bavail: 0, bsize: 0, blocks: 0 }));
  const free = bavail * bsize;
  if (blocks === 0 || free >= LEAST_BYTES) return; // some file systems do not tell
  throw new CannotStart(
    `DATA_DIR ${dataDir} is full (${Math.floor(free / 1024)} KiB free, at least ${LEAST_BYTES / 1024} are needed): free some space there, or set DATA_DIR to another folder`,
  );
}

const UNWRITABLE = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM"]);

/** The sentence, where the error is that a file there cannot be written. */
export function explainUnwritable(error: unknown, dataDir: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = "", path, syscall } = error as NodeJS.ErrnoException;
  const isThere = path === undefined ? syscall === "write" : path.startsWith(dataDir);
  if (!UNWRITABLE.has(code) || !isThere) return explainUnwritable(error.cause, dataDir);
  return `DATA_DIR ${dataDir} cannot be written (${explain(error)}): free some space there, or let this user write to it, or set DATA_DIR to another folder`;
}
