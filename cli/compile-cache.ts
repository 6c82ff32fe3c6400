// From Node 22.1 on, V8's compiled code is kept between commands, which then spend less time on starting.
import { lstatSync, mkdirSync } from "node:fs";
import * as nodeModule from "node:module";
import { join } from "node:path";

interface NewerNode {
  readonly enableCompileCache?: (folder: string) => unknown;
}

/**
 * Kept in DATA_DIR, in a folder that only this user may write: what lies there is run. Without such a folder nothing is
 * kept. To be called before the code is loaded.
 */
export function keepCompiledCode(env: NodeJS.ProcessEnv, user: number | undefined): void {
  const { enableCompileCache } = nodeModule as NewerNode;
  if (enableCompileCache === undefined || user === undefined) return;
  const folder = join(env["DATA_DIR"] || "/var/lib/ouroboros", `compiled-${user}`);
  try {
    makeFolder(folder);
    const { uid, mode } = lstatSync(folder);
    if (uid === user && (mode & 0o170_077) === 0o40_000) enableCompileCache(folder);
  } catch {
    // no DATA_DIR here, or it may not be written
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
