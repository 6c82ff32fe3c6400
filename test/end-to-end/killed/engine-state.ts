// What the Engine holds, and what can be read below its folder.
import { join } from "node:path";
import type { ContainerInspectInfo } from "dockerode";
import { ifExists } from "../../../shared/docker/engine.ts";
import { type Engine, bed, bedCommand } from "../../bed/bed.ts";

/** All containers by name. */
export type ContainersByName = ReadonlyMap<string, ContainerInspectInfo>;

export async function inspectByName({ docker }: Engine): Promise<ContainersByName> {
  const listed = await docker.listContainers({ all: true });
  const inspected = await Promise.all(listed.map(({ Id }) => ifExists(docker.getContainer(Id).inspect())));
  const found = inspected.filter((inspect) => inspect !== undefined);
  return new Map(found.map((inspect) => [inspect.Name.slice(1), inspect]));
}

export async function volumeNames({ docker }: Pick<Engine, "docker">): Promise<readonly string[]> {
  const { Volumes: volumes } = await docker.listVolumes();
  return (volumes ?? []).map(({ Name }) => Name);
}

/** Ids that a marker volume lists. */
export async function markedIds({ docker }: Engine): Promise<readonly string[]> {
  const { Volumes: volumes } = await docker.listVolumes({ filters: { label: ["com.ouroboros.run"] } });
  return (volumes ?? []).flatMap(({ Labels: labels }) => (labels["com.ouroboros.stopped"] ?? "").split(","));
}

export const folderOf = (h: Engine): string => join(bed().folder, h.name, "docker");
export const folderOfVolume = (h: Engine, volume: string): string =>
  join(folderOf(h), "volumes", volume, "_data");

/** The network namespace that each running container is in, by the container's name. */
export async function namespacesOf(
  h: Engine,
  looked: ContainersByName,
): Promise<ReadonlyMap<string, string>> {
  const running = [...looked].filter(([, { State }]) => State.Running);
  const pids = running.map(([, { State }]) => String(State.Pid));
  const script = 'for pid; do readlink "/proc/$pid/ns/net" || echo "none of $pid"; done';
  const said = await bedCommand("on", h.name.slice(1), "sh", "-c", script, "namespaces", ...pids);
  const lines = said.split("\n");
  return new Map(running.map(([name], index) => [name, lines[index] ?? ""]));
}
