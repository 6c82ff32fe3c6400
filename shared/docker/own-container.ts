// Finds the container that this program runs in, if it belongs to this Engine. own-id.ts reads the traces of the
// kernel.
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { type Engine, ifExists } from "./engine.ts";
import { readOwnIds } from "./own-id.ts";

/** Full ids: none outside a container, several where it is ambiguous which of them it is. */
export async function findOwnContainers({ docker }: Pick<Engine, "docker">): Promise<readonly string[]> {
  const { ids, isCertain } = readOwnIds({
    cgroup: await readOrEmpty("/proc/self/cgroup"),
    cpuset: await readOrEmpty("/proc/self/cpuset"),
    mountinfo: await readOrEmpty("/proc/self/mountinfo"),
    hostname: hostname(),
  });
  const found = await Promise.all(ids.map((id) => ifExists(docker.getContainer(id).inspect())));
  const own = found.flatMap((inspect, n) => (inspect?.Id.startsWith(ids[n] ?? "-") ? [inspect.Id] : []));
  if (isCertain || own.length === 0) return own;
  const listed = await docker.listContainers();
  const sharingNetwork = listed.filter(({ HostConfig }) =>
    own.some((id) => HostConfig.NetworkMode === `container:${id}`),
  );
  return [...own, ...sharingNetwork.map(({ Id }) => Id)];
}

const readOrEmpty = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");
