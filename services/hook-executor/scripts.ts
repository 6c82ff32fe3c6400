// Finds the scripts in the hooks folder: `<folder>/<hook>/`, at any depth, in the order of their paths. The folder is
// read anew for each event, so a new script counts at once.
import { messageOf } from "../../shared/catalogue/entry.ts";
import { hooksFolderErrors } from "../../shared/catalogue/update-failures.ts";
import type { Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import type { EventName } from "../../shared/contract/hooks.ts";
import { type Fault, type ScriptKind, faultOf, looksLikeScript } from "./script-faults.ts";

export type { ScriptKind };

export interface Script {
  /** Path below the hook's folder, as in the log and in reasons. */
  readonly name: string;
  readonly file: string;
  /** The hook's folder, which is the working directory. */
  readonly folder: string;
  readonly kind: ScriptKind;
  /** Why it cannot be run as it is. */
  readonly fault?: Fault;
}

/** Ouroboros 1's mount point, then the one of our image. */
const MOUNTED = ["/app/pyouroboros/hooks", "/hooks"];
const ANYONE_MAY_EXECUTE = 0o111;
const BESIDE_PROGRAM = join(import.meta.dirname, "../../../hooks");

/** `setting` is HOOKS_DIR; if it is empty, the first mounted folder that is not empty, else the program's own. */
export async function findHooksFolder(
  setting: string,
  mounted: readonly string[] = MOUNTED,
): Promise<string> {
  if (setting !== "") return setting;
  for (const folder of mounted) if ((await listNames(folder)).length > 0) return folder;
  return BESIDE_PROGRAM;
}

/** A missing folder has no scripts. @throws where something cannot be read: a script left out is a gate left open. */
export async function findScripts(hooksFolder: string, hook: EventName): Promise<readonly Script[]> {
  const folder = join(hooksFolder, hook);
  const scripts: Script[] = [];
  for (const { name, stats } of await filesBelow(folder)) {
    const file = join(folder, name);
    const kind = await kindOf(file, stats);
    if (kind === undefined) continue;
    const fault = await faultOf(file, kind, [hooksFolder, ...foldersTo(folder, name)]);
    scripts.push({ name, file, folder, kind, ...(fault !== undefined && { fault }) });
  }
  return scripts.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws Error where HOOKS_DIR names no existing folder: its scripts could not be asked. */
export async function requireHooksFolder(setting: string): Promise<void> {
  if (setting === "" || (await ifPresent(stat(setting)))?.isDirectory() === true) return;
  throw new Error(messageOf(hooksFolderErrors.missing, { folder: setting }));
}

/** For `a/b` in the folder /hooks/x: /hooks/x and /hooks/x/a. */
const foldersTo = (folder: string, name: string): string[] =>
  name.split("/").map((_, n, parts) => join(folder, ...parts.slice(0, n)));

async function kindOf(file: string, { mode }: Stats): Promise<ScriptKind | undefined> {
  const extension = extname(file);
  if (extension === ".example") return undefined;
  if (extension === ".py") return "python";
  if (extension === ".js" || extension === ".mjs") return "module";
  return (mode & ANYONE_MAY_EXECUTE) !== 0 || (await looksLikeScript(file)) ? "executable" : undefined;
}

interface ScriptFile {
  /** Path below the hook's folder. */
  readonly name: string;
  readonly stats: Stats;
}

/**
 * The files below a folder. Symbolic links are followed, except back into a folder on the same path. Hidden names are
 * left out (Kubernetes mounts a second copy of each file in one), and so is node_modules.
 */
async function filesBelow(folder: string, path = "", through: readonly string[] = []): Promise<ScriptFile[]> {
  const real = await ifPresent(realpath(join(folder, path)));
  if (real === undefined || through.includes(real)) return [];
  const found: ScriptFile[] = [];
  for (const entry of await listNames(real)) {
    const name = path === "" ? entry : `${path}/${entry}`;
    const stats = await ifPresent(stat(join(real, entry)));
    if (stats?.isFile()) found.push({ name, stats });
    else if (stats?.isDirectory()) found.push(...(await filesBelow(folder, name, [...through, real])));
  }
  return found;
}

async function listNames(folder: string): Promise<string[]> {
  const names = (await ifPresent(readdir(folder))) ?? [];
  return names.filter((name) => !name.startsWith(".") && name !== "node_modules");
}

/** Undefined where nothing exists: no such file, a dangling or circular link, a file in place of a folder. */
async function ifPresent<T>(lookup: Promise<T>): Promise<T | undefined> {
  try {
    return await lookup;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}
