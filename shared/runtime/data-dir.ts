// Checks DATA_DIR. An error about it is one sentence that names the fault and the remedy. Several hosts may share a DATA_DIR:
// what belongs to one of them is below its own folder, `encodeToken(host)`. In it are
//   instance     services/updater/lease/lease-holder.ts: whose leases are its own
//   replaced     services/updater/journal/snapshot-store.ts, by host: containers as they were before their update
//   updates      services/updater/journal/update-records.ts, by host: the last updates, for a rollback
//   counters     services/updater/journal/update-counters.ts, by host, with SAVE_COUNTERS
//   compiled-UID cli/compile-cache.ts
// and the store and the access file of the private NATS (nats/).
import { statfs } from "node:fs/promises";
import { CannotStart, explain } from "../errors.ts";
import { messageOf } from "../catalogue/entry.ts";
import { dataDirErrors } from "../catalogue/start-errors.ts";

/** The space a start may need for streams, buckets and the records of a run. */
const MIN_FREE_BYTES = 1 << 20;

/** @throws CannotStart where the file system is full, or has too little space left to record a run. */
export async function requireFreeSpace(dataDir: string): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(dataDir).catch(() => ({ bavail: 0, bsize: 0, blocks: 0 }));
  const free = bavail * bsize;
  if (blocks === 0 || free >= MIN_FREE_BYTES) return; // some file systems report no size
  throw new CannotStart(
    messageOf(dataDirErrors.full, {
      folder: dataDir,
      free: Math.floor(free / 1024),
      needed: MIN_FREE_BYTES / 1024,
    }),
  );
}

const UNWRITABLE = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM"]);

/** Explains an error that means a file in DATA_DIR cannot be written; undefined for any other error. */
export function explainUnwritable(error: unknown, dataDir: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code = "", path, syscall } = error as NodeJS.ErrnoException;
  const isInDataDir = path === undefined ? syscall === "write" : path.startsWith(dataDir);
  if (!UNWRITABLE.has(code) || !isInDataDir) return explainUnwritable(error.cause, dataDir);
  return messageOf(dataDirErrors.unwritable, { folder: dataDir, because: explain(error) });
}
