// Finds the id of the container that a process runs in, from files of the kernel. Pure. An id in the cgroup is
// certain. With cgroup v2 there mostly is none; then the files that the Engine mounts into a container tell, but
// these belong to another container where its network is shared.

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
  /** Container ids, or the first twelve characters of an id. */
  readonly ids: readonly string[];
  readonly isCertain: boolean;
}

export function readOwnIds({ cgroup, cpuset, mountinfo, hostname }: Traces): OwnIds {
  const paths = [...cgroup.split("\n").map((line) => line.split(":").slice(2).join(":")), cpuset];
  const groupIds = unique(paths.flatMap((path) => lastId(path) ?? []));
  if (groupIds.length === 1) return { ids: groupIds, isCertain: true };
  const mountIds = unique(mountinfo.split("\n").flatMap((line) => idOfMount(line) ?? []));
  if (mountIds.length > 0) return { ids: mountIds, isCertain: false };
  return { ids: /^[0-9a-f]{12}$/.test(hostname) ? [hostname] : [], isCertain: false };
}

/** The innermost id: `/docker/ID`, `/system.slice/docker-ID.scope`, `/machine.slice/libpod-ID.scope`. */
const lastId = (path: string): string | undefined =>
  path.match(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g)?.at(-1);

const FROM_THE_ENGINE = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/** `… ROOT MOUNT_POINT …` (proc_pid_mountinfo(5)); ROOT is `/var/lib/docker/containers/ID/hostname`. */
function idOfMount(line: string): string | undefined {
  const [, , , root = "", mountPoint = ""] = line.split(" ");
  return FROM_THE_ENGINE.includes(mountPoint) ? lastId(root) : undefined;
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];
