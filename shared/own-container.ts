// The container that this program runs in, if it is one of this Engine's.
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { type Engine, ifThere } from "./engine.ts";
import { ownIdIn } from "./own-id.ts";

/** Full ids: none outside of a container, several where it cannot be told which of them it is. */
export async function ownContainers({ docker }: Pick<Engine, "docker">): Promise<readonly string[]> {
  const { ids, isCertain } = ownIdIn({
    cgroup: await told("/proc/self/cgroup"),
    cpuset: await told("/proc/self/cpuset"),
    mountinfo: await told("/proc/self/mountinfo"),
    hostname: hostname(),
  });
  const found = await Promise.all(ids.map((id) => ifThere(docker.getContainer(id).inspect())));
  const own = found.flatMap((inspect, n) => (inspect?.Id.startsWith(ids[n] ?? "-") ? [inspect.Id] : []));
  if (isCertain || own.length === 0) return own;
  const listed = await docker.listContainers();
  const sharing = listed.filter(({ HostConfig }) =>
    own.some((id) => HostConfig.NetworkMode === `container:${id}`),
  );
  return [...own, ...sharing.map(({ Id }) => Id)];
}

const told = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");
