// The scripts people put into the hooks folder: `<folder>/<hook>/`, at any depth, in the order of their paths. Read
// anew at each event, so that a script counts from the moment it is there.
import type { Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import type { HookName } from "../../shared/contract/hooks.ts";
import { type Fault, type ScriptKind, faultOf, looksLikeScript } from "./script-faults.ts";

export type { ScriptKind };

export interface Script {
  /** Path below the hook's folder, as it is told to people. */
  readonly name: string;
  readonly file: string;
  /** The hook's folder, in which it is run. */
  readonly folder: string;
  readonly kind: ScriptKind;
  /** Why it cannot be run as it is. */
  readonly fault?: Fault;
}

/** Where Ouroboros' users have mounted theirs, then where our image expects them. */
const MOUNTED = ["/app/pyouroboros/hooks", "/hooks"];
const ANYONE_MAY_EXECUTE = 0o111;
const BESIDE_PROGRAM = join(import.meta.dirname, "../../../hooks");

/** `setting` is HOOKS_DIR; where it is empty, the first mounted folder that holds something, else the program's own. */
export async function findHooksFolder(
  setting: string,
  mounted: readonly string[] = MOUNTED,
): Promise<string> {
  if (setting !== "") return setting;
  for (const folder of mounted) if ((await listNames(folder)).length > 0) return folder;
  return BESIDE_PROGRAM;
}

/** A folder that is not there holds none. @throws where something cannot be read: a script left out is a gate left open. */
export async function findScripts(hooksFolder: string, hook: HookName): Promise<readonly Script[]> {
  const folder = join(hooksFolder, hook);
  const scripts: Script[] = [];
  for (const { name, is } of await filesBelow(folder)) {
    const file = join(folder, name);
    const kind = await kindOf(file, is);
    if (kind === undefined) continue;
    const fault = await faultOf(file, kind, [hooksFolder, ...foldersTo(folder, name)]);
    scripts.push({ name, file, folder, kind, ...(fault !== undefined && { fault }) });
  }
  return scripts.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Where HOOKS_DIR names a folder, that is there. @throws Error otherwise: its scripts are not asked. */
export async function requireHooksFolder(setting: string): Promise<void> {
  if (setting === "" || (await ifPresent(stat(setting)))?.isDirectory() === true) return;
  throw new Error(`HOOKS_DIR ${setting} is not there, or no folder; mount it, or unset HOOKS_DIR`);
}

/** `a/b` of the folder /hooks/x: /hooks/x and /hooks/x/a. */
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
  readonly is: Stats;
}

/**
 * The files below a folder. Symbolic links are followed, but never back into a folder the path came through. Hidden
 * names are left out (Kubernetes mounts a second copy of each file in one), and so are packages.
 */
async function filesBelow(folder: string, path = "", through: readonly string[] = []): Promise<ScriptFile[]> {
  const real = await ifPresent(realpath(join(folder, path)));
  if (real === undefined || through.includes(real)) return [];
  const found: ScriptFile[] = [];
  for (const entry of await listNames(real)) {
    const name = path === "" ? entry : `${path}/${entry}`;
    const is = await ifPresent(stat(join(real, entry)));
    if (is?.isFile()) found.push({ name, is });
    else if (is?.isDirectory()) found.push(...(await filesBelow(folder, name, [...through, real])));
  }
  return found;
}

async function listNames(folder: string): Promise<string[]> {
  const names = (await ifPresent(readdir(folder))) ?? [];
  return names.filter((name) => !name.startsWith(".") && name !== "node_modules");
}

/** Undefined where nothing is there: no such file, a link to nowhere or in a circle, a file in a folder's place. */
async function ifPresent<T>(looked: Promise<T>): Promise<T | undefined> {
  try {
    return await looked;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}
