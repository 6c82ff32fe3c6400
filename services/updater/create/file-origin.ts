// Which files of a container were copied into it before its first start: compose's `configs: content:` and `secrets:
// environment:`, and `docker cp`. Pure. All else that differs from the image was written by the container itself and
// follows the new image. The Engine tells what differs and when it was modified, not who wrote it:
//   C1  No process of the container ran before its first start: what was modified between its creation and then was
//       copied in. Compose rounds to whole seconds.
//   C2  What was modified before the container was made came with `docker cp`, or out of an archive that the container
//       unpacked. It was copied in if its folder has not changed since the first start; else the file's own change time
//       tells. An image's file in a folder that did not change was only given another owner or mode.
//   C3  A container that was stopped in between does not tell its first start. Archives tell whole seconds, and a process
//       that writes a file leaves a fraction: so a whole second soon after the creation was copied in (ours too:
//       copy-paths.ts sets such a time), and so was one at which its folder changed as well: compose copies its files
//       anew whenever it starts the service.
//   C4  What is older than the container and was changed after the container wrote or printed anything is its own.

export interface FileFacts {
  readonly type: "file" | "folder" | "link" | "other";
  /** When its content was modified, in milliseconds since 1970. */
  readonly mtime: number;
  /** Without a fraction of a second. */
  readonly isWhole: boolean;
  /** When it got content, owner or mode last; the Engine does not tell. */
  readonly ctime?: number;
}

export interface ChangedFile extends FileFacts {
  readonly path: string;
  readonly kind: "added" | "changed";
}

/** In milliseconds since 1970. */
export interface ContainerTimes {
  readonly created: number;
  /** Its first start began: Infinity for one that was never started, undefined where that is not known. */
  readonly firstStart: number | undefined;
  readonly lastStart: number;
  /** The last copy into it before its first start, or its creation; where the Engine remembers all since then. */
  readonly lastCopy?: number | undefined;
  /** No process ran later than this before it: the earliest thing that it wrote or printed. */
  readonly wrote?: number | undefined;
}

type Folder = Pick<ChangedFile, "kind" | "mtime" | "isWhole" | "type">;
type Rounded = Pick<FileFacts, "type" | "isWhole">;

export type FileOrigin = "copied in" | "its own" | "doubtful";

/** Times are rounded to the nearest second, by compose, or cut. */
const ROUNDED_MS = 1000;
const SOON_MS = 600_000;

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";

/** `folderOf` knows every folder above a changed path. */
export function judgeFileOrigin(
  one: ChangedFile,
  life: ContainerTimes,
  folderOf: (path: string) => Folder | undefined,
): FileOrigin {
  if (one.type === "other" || (one.type === "folder" && one.kind === "changed")) return "its own";
  if (life.firstStart === Infinity) return "copied in";
  if (isOlder(one, life.created)) return judgeOld(one, life, folderOf);
  return life.firstStart === undefined
    ? judgeRestarted(one, life, folderOf(parentOf(one.path)))
    : isBefore(one, life.firstStart); // C1
}

/** Downwards only files are rounded, by compose; a folder may bear the time at which its image was pulled, right before the creation. */
const roundedBy = ({ type, isWhole }: Rounded): number => (type === "file" && isWhole ? ROUNDED_MS : 0);

const isOlder = (one: Rounded & { readonly mtime: number }, created: number): boolean =>
  one.mtime < created - roundedBy(one);

/** Whatever has a whole second may be rounded up: links and folders too, where an update carried them over. */
const isBefore = (one: FileFacts, start: number): FileOrigin =>
  one.mtime < start + (one.isWhole ? ROUNDED_MS : 0) ? "copied in" : "its own";

/** C3 */
function judgeRestarted(
  { mtime, ctime, isWhole }: ChangedFile,
  { created }: ContainerTimes,
  folder: Pick<FileFacts, "mtime"> | undefined,
): FileOrigin {
  if (!isWhole) return "its own";
  const isAt = (time: number | undefined): boolean =>
    time !== undefined && Math.abs(time - mtime) <= ROUNDED_MS;
  if (mtime <= created + SOON_MS || isAt(folder?.mtime) || isAt(ctime)) return "copied in";
  return ctime === undefined ? "doubtful" : "its own";
}

/** C2, C4 */
function judgeOld(
  one: ChangedFile,
  life: ContainerTimes,
  folderOf: (path: string) => Folder | undefined,
): FileOrigin {
  const { created, firstStart, lastStart, lastCopy, wrote = Infinity } = life;
  const folder = folderOf(parentOf(one.path));
  if (one.kind === "changed" && (folder === undefined || isOlder(folder, created))) return "its own";
  if (lastCopy === created) return "its own"; // nothing was copied into it
  const start = firstStart ?? lastCopy;
  if (start === undefined)
    return one.ctime !== undefined && one.ctime > Math.min(lastStart, wrote) ? "its own" : "doubtful";
  if (one.kind === "added" && isUnchanged(parentOf(one.path), start, folderOf)) return "copied in";
  if (one.ctime === undefined) return "doubtful";
  return one.ctime <= start ? "copied in" : "its own";
}

/** Nothing was put into this folder since then, nor into those above that came with it, nor were these put there. */
function isUnchanged(path: string, since: number, folderOf: (path: string) => Folder | undefined): boolean {
  const folder = folderOf(path);
  if (folder === undefined || folder.mtime > since) return false;
  return folder.kind === "changed" || path === "/" || isUnchanged(parentOf(path), since, folderOf);
}

/** The earliest thing that a process of the container is sure to have written. */
export const earliestWritten = (all: readonly ChangedFile[], created: number): number =>
  all
    .filter(({ type, isWhole, mtime }) => type === "file" && !isWhole && mtime >= created)
    .reduce((earliest, { ctime = Infinity }) => Math.min(earliest, ctime), Infinity);

/** Paths that were added and lead to one of these, parents first: they are needed with their owner and mode. */
export function withFolders(paths: readonly string[], isAdded: (path: string) => boolean): string[] {
  const all = new Set<string>(paths);
  for (const path of paths)
    for (let folder = parentOf(path); folder !== "/" && isAdded(folder); folder = parentOf(folder))
      all.add(folder);
  return [...all].sort();
}

/** What the Engine itself puts into every container. */
const ENGINES_OWN =
  /^\/(?:\.dockerenv|run\/\.containerenv|dev|proc|sys|etc\/(?:hosts|hostname|resolv\.conf|mtab))(?:\/|$)/;

/** Folders that images have as links; a mount below one is told by its name, and a file by where it is. */
const LINKS: readonly (readonly [name: string, folder: string])[] = [
  ["/var/run/", "/run/"],
  ["/var/lock/", "/run/lock/"],
  ["/bin/", "/usr/bin/"],
  ["/sbin/", "/usr/sbin/"],
  ["/lib/", "/usr/lib/"],
  ["/lib64/", "/usr/lib64/"],
];

/** The places at which a mount may be found. */
export const mountPathAliases = (mount: string): string[] => [
  mount,
  ...LINKS.filter(([name]) => mount.startsWith(name)).map(
    ([name, folder]) => `${folder}${mount.slice(name.length)}`,
  ),
];

/** At or below a mount is not the container's own file system, but what is mounted there. */
export const isOwnPath = (path: string, mounts: readonly string[]): boolean =>
  !["", "/"].includes(path) &&
  !ENGINES_OWN.test(path) &&
  !mounts.some((mount) => path === mount || path.startsWith(`${mount}/`));
