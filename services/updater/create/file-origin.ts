// Decides which files were copied into a container before its first start: compose's `configs: content:` and
// `secrets: environment:`, and `docker cp`. Pure. The container itself wrote everything else that differs from its
// image; that follows the new image. The Engine shows which files differ and when they were modified, not who wrote
// them:
//   C1  No process of the container runs before its first start: a file modified between the creation and the first
//       start was copied in. Compose rounds to whole seconds.
//   C2  A file modified before the creation came from `docker cp`, or from an archive that the container unpacked. It
//       was copied in if its folder has not changed since the first start; otherwise the file's own change time
//       decides. A file of the image in an unchanged folder only got another owner or mode.
//   C3  A container that was stopped in between no longer shows its first start. Archives have whole seconds, and a
//       process that writes a file leaves a fraction. So a file with a whole second soon after the creation was
//       copied in (by us too: copy-paths.ts sets such a time). So was a file whose folder changed at that second as
//       well: compose copies its files again whenever it starts the service.
//   C4  A file older than the container that changed after the container wrote or printed anything is its own.

export interface FileFacts {
  readonly type: "file" | "folder" | "link" | "other";
  /** When the content was modified, in milliseconds since 1970. */
  readonly mtime: number;
  /** Without a fraction of a second. */
  readonly isWhole: boolean;
  /** When content, owner or mode changed last; the Engine does not show it. */
  readonly ctime?: number;
}

export interface ChangedFile extends FileFacts {
  readonly path: string;
  readonly kind: "added" | "changed";
}

/** In milliseconds since 1970. */
export interface ContainerTimes {
  readonly created: number;
  /** The beginning of the first start: Infinity if it was never started, undefined if that is unknown. */
  readonly firstStart: number | undefined;
  readonly lastStart: number;
  /** The last copy into it before its first start, or its creation; only if the Engine remembers all events since. */
  readonly lastCopy?: number | undefined;
  /** The earliest time at which the container wrote or printed anything: by then a process ran. */
  readonly wrote?: number | undefined;
}

type Folder = Pick<ChangedFile, "kind" | "mtime" | "isWhole" | "type">;
type Rounded = Pick<FileFacts, "type" | "isWhole">;

export type FileOrigin = "copied in" | "its own" | "doubtful";

/** Compose rounds times to the nearest second; others truncate them. */
const ROUNDED_MS = 1000;
const SOON_MS = 600_000;

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";

/** `folderOf` knows every folder above a changed path. */
export function judgeFileOrigin(
  file: ChangedFile,
  times: ContainerTimes,
  folderOf: (path: string) => Folder | undefined,
): FileOrigin {
  if (file.type === "other" || (file.type === "folder" && file.kind === "changed")) return "its own";
  if (times.firstStart === Infinity) return "copied in";
  if (isOlder(file, times.created)) return judgeOld(file, times, folderOf);
  return times.firstStart === undefined
    ? judgeRestarted(file, times, folderOf(parentOf(file.path)))
    : isBefore(file, times.firstStart); // C1
}

/**
 * Only files are rounded down, by compose. A folder may have the time at which its image was pulled, right before the
 * creation.
 */
const roundedBy = ({ type, isWhole }: Rounded): number => (type === "file" && isWhole ? ROUNDED_MS : 0);

const isOlder = (file: Rounded & { readonly mtime: number }, created: number): boolean =>
  file.mtime < created - roundedBy(file);

/** Any time with a whole second may be rounded up: links and folders too, if an update copied them. */
const isBefore = (file: FileFacts, start: number): FileOrigin =>
  file.mtime < start + (file.isWhole ? ROUNDED_MS : 0) ? "copied in" : "its own";

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
  file: ChangedFile,
  times: ContainerTimes,
  folderOf: (path: string) => Folder | undefined,
): FileOrigin {
  const { created, firstStart, lastStart, lastCopy, wrote = Infinity } = times;
  const folder = folderOf(parentOf(file.path));
  if (file.kind === "changed" && (folder === undefined || isOlder(folder, created))) return "its own";
  if (lastCopy === created) return "its own"; // nothing was copied into the container
  const start = firstStart ?? lastCopy;
  if (start === undefined)
    return file.ctime !== undefined && file.ctime > Math.min(lastStart, wrote) ? "its own" : "doubtful";
  if (file.kind === "added" && isUnchanged(parentOf(file.path), start, folderOf)) return "copied in";
  if (file.ctime === undefined) return "doubtful";
  return file.ctime <= start ? "copied in" : "its own";
}

/** True if neither this folder nor the added folders above it changed since then, nor were they added since then. */
function isUnchanged(path: string, since: number, folderOf: (path: string) => Folder | undefined): boolean {
  const folder = folderOf(path);
  if (folder === undefined || folder.mtime > since) return false;
  return folder.kind === "changed" || path === "/" || isUnchanged(parentOf(path), since, folderOf);
}

/** When a process of the container certainly wrote its first file. */
export const earliestWritten = (all: readonly ChangedFile[], created: number): number =>
  all
    .filter(({ type, isWhole, mtime }) => type === "file" && !isWhole && mtime >= created)
    .reduce((earliest, { ctime = Infinity }) => Math.min(earliest, ctime), Infinity);

/** The paths and the added folders above them, parents first: the successor needs the folders' owner and mode. */
export function withFolders(paths: readonly string[], isAdded: (path: string) => boolean): string[] {
  const all = new Set<string>(paths);
  for (const path of paths)
    for (let folder = parentOf(path); folder !== "/" && isAdded(folder); folder = parentOf(folder))
      all.add(folder);
  return [...all].sort();
}

/** Files that the Engine itself puts into every container. */
const ENGINES_OWN =
  /^\/(?:\.dockerenv|run\/\.containerenv|dev|proc|sys|etc\/(?:hosts|hostname|resolv\.conf|mtab))(?:\/|$)/;

/** Folders that are links in images: a mount below one is listed by the link, a file by the link's target. */
const LINKS: readonly (readonly [name: string, folder: string])[] = [
  ["/var/run/", "/run/"],
  ["/var/lock/", "/run/lock/"],
  ["/bin/", "/usr/bin/"],
  ["/sbin/", "/usr/sbin/"],
  ["/lib/", "/usr/lib/"],
  ["/lib64/", "/usr/lib64/"],
];

/** The paths at which a mount may be found. */
export const mountPathAliases = (mount: string): string[] => [
  mount,
  ...LINKS.filter(([name]) => mount.startsWith(name)).map(
    ([name, folder]) => `${folder}${mount.slice(name.length)}`,
  ),
];

/** False at or below a mount: that is not the container's own file system. */
export const isOwnPath = (path: string, mounts: readonly string[]): boolean =>
  !["", "/"].includes(path) &&
  !ENGINES_OWN.test(path) &&
  !mounts.some((mount) => path === mount || path.startsWith(`${mount}/`));
