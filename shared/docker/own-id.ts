// In which container a process runs, from what the kernel tells it. Pure. The cgroup is certain where it tells an id;
// with cgroup v2 it mostly tells none, and then the files that the Engine mounts into a container do, but those come
// from another container where that one's network is shared.

export interface Traces {
  /** /proc/self/cgroup */
  readonly cgroup: string;
  /** /proc/self/cpuset */
  readonly cpuset: string;
  /** /proc/self/mountinfo */
  readonly mountinfo: string;
  readonly hostname: string;
}

export interface OwnIds {
  /** Container ids, or the first twelve characters of one. */
  readonly ids: readonly string[];
  readonly isCertain: boolean;
}

export function readOwnIds({ cgroup, cpuset, mountinfo, hostname }: Traces): OwnIds {
  const told = [...cgroup.split("\n").map((line) => line.split(":").slice(2).join(":")), cpuset];
  const groups = unique(told.flatMap((path) => lastId(path) ?? []));
  if (groups.length === 1) return { ids: groups, isCertain: true };
  const mounts = unique(mountinfo.split("\n").flatMap((line) => idOfMount(line) ?? []));
  if (mounts.length > 0) return { ids: mounts, isCertain: false };
  return { ids: /^[0-9a-f]{12}$/.test(hostname) ? [hostname] : [], isCertain: false };
}

/** `/docker/ID`, `/system.slice/docker-ID.scope`, `/machine.slice/libpod-ID.scope`; of nested ones the innermost. */
const lastId = (path: string): string | undefined =>
  path.match(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g)?.at(-1);

const FROM_THE_ENGINE = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/** `… ROOT MOUNT_POINT …` (proc_pid_mountinfo(5)); ROOT is `/var/lib/docker/containers/ID/hostname`. */
function idOfMount(line: string): string | undefined {
  const [, , , root = "", mountPoint = ""] = line.split(" ");
  return FROM_THE_ENGINE.includes(mountPoint) ? lastId(root) : undefined;
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];
