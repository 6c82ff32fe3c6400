// Which files of a container were copied into it from outside: compose's `configs: content:` and `secrets:
// environment:`, and `docker cp` before its first start. Pure. All else that differs from the image was written by the
// container itself and follows the new image.
//   C1  The Engine unpacks what is copied in from an archive, which tells times in whole seconds. A process that writes
//       a file leaves fractions: not carried over.
//   C2  A whole second that is no earlier than the container: compose's, or carried over by us (carry-over.ts sets such
//       a time, so that the next update finds it too).
//   C3  An earlier one comes from `docker cp`, or from an archive that the container unpacked. It was there before the
//       first start if nothing has changed in its folder since; where that is not known there is a doubt.
//   C4  An image's own file that was only given another owner or mode keeps its time. It is told from one that was
//       replaced by the image: same time, same size.

/** As the Engine tells of a path: HEAD /containers/{id}/archive. */
export interface PathStat {
  readonly size: number;
  /** Go's FileMode. */
  readonly mode: number;
  /** RFC 3339, with as many digits as it has. */
  readonly mtime: string;
}

export interface Changed {
  readonly path: string;
  readonly kind: "added" | "changed";
  readonly stat: PathStat;
}

export interface Life {
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Before this no process of it ran; undefined where it has been restarted since. */
  readonly firstStart: number | undefined;
}

export type Verdict = "copied in" | "its own" | "doubtful" | "compare with the image";

const DIRECTORY = 2 ** 31;
export const isFolder = ({ mode }: Pick<PathStat, "mode">): boolean => mode >= DIRECTORY;
const isWhole = ({ mtime }: PathStat): boolean => !mtime.includes(".");
const timeOf = ({ mtime }: PathStat): number => Date.parse(mtime);

/** Compose rounds to the nearest second. */
const ROUNDED_MS = 1000;

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";

/** `folderOf` knows every folder that differs from the image, and the root. */
export function judge(
  { path, kind, stat }: Changed,
  life: Life,
  folderOf: (path: string) => Changed | undefined,
): Verdict {
  const isOld = (one: PathStat): boolean => timeOf(one) < life.created - ROUNDED_MS;
  if (!isWhole(stat) || (kind === "changed" && isFolder(stat))) return "its own";
  if (!isOld(stat)) return "copied in";
  if (kind === "changed") {
    const folder = folderOf(parentOf(path));
    return folder === undefined || isOld(folder.stat) ? "its own" : "compare with the image";
  }
  return wasThereFirst(path, life, folderOf) ? "copied in" : "doubtful";
}

/** C3: folders that came with it are as old as it; the one they were put into tells. */
export function wasThereFirst(
  path: string,
  { created, firstStart }: Life,
  folderOf: (path: string) => Changed | undefined,
): boolean {
  let folder = folderOf(parentOf(path));
  while (folder?.kind === "added" && folder.path !== "/" && timeOf(folder.stat) < created - ROUNDED_MS)
    folder = folderOf(parentOf(folder.path));
  return folder !== undefined && firstStart !== undefined && timeOf(folder.stat) < firstStart;
}

export const isSameFile = (one: PathStat, other: PathStat | undefined): boolean =>
  other !== undefined && timeOf(one) === timeOf(other) && one.size === other.size;

/** Paths that were added and lead to one of these, parents first: they are needed with their owner and mode. */
export function withFolders(paths: readonly string[], isAdded: (path: string) => boolean): string[] {
  const all = new Set<string>();
  for (const path of paths) {
    const chain = [path];
    for (let folder = parentOf(path); folder !== "/" && isAdded(folder); folder = parentOf(folder))
      chain.unshift(folder);
    for (const one of chain) all.add(one);
  }
  return [...all].sort();
}

/** What the Engine itself puts into every container. */
const ENGINES_OWN =
  /^\/(?:\.dockerenv|run\/\.containerenv|dev|proc|sys|etc\/(?:hosts|hostname|resolv\.conf|mtab))(?:\/|$)/;

/** At or below a mount is not the container's own file system, but what is mounted there. */
export const isOwnPath = (path: string, mounts: readonly string[]): boolean =>
  !["", "/"].includes(path) &&
  !ENGINES_OWN.test(path) &&
  !mounts.some((mount) => path === mount || path.startsWith(`${mount}/`));

/** Those that a label names, with what is below them. */
export const isNamed = (path: string, names: readonly string[]): boolean =>
  names.some((name) => path === name || path.startsWith(`${name}/`));
