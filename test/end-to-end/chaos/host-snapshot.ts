// What is seen of a host after a calm (checks.ts).
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { folderOfVolume } from "../killed/engine-state.ts";
import type { HostSnapshot } from "./checks.ts";
import { type Scene, containersOf, openRun } from "./scene.ts";
import { type ServiceName, serviceNames } from "./services.ts";

/** `untrue`, `stuck`: what was gathered in the round before. */
export async function takeHostSnapshot(
  scene: Scene,
  gathered: Pick<HostSnapshot, "untrue" | "stuck">,
): Promise<HostSnapshot> {
  const { h, images, desired } = scene;
  const found = serviceNames.map(async (service) => [service, await containersOf(scene, service)] as const);
  const containers = Object.fromEntries(await Promise.all(found)) as unknown as HostSnapshot["containers"];
  const volumes = Object.values(containers).flatMap((all) =>
    all.flatMap(({ Mounts }) => Mounts.map(({ Name }) => Name ?? "")),
  );
  const [listed, tagged] = await Promise.all([h.docker.listContainers({ all: true }), h.docker.listImages()]);
  const tokens = volumes.map(async (volume): Promise<[string, string]> => {
    const token = await readFile(join(folderOfVolume(h, volume), "token"), "utf8").catch(() => "nothing");
    return [volume, token];
  });
  return {
    ...gathered,
    desired,
    containers,
    names: listed.flatMap(({ Names }) => Names.map((name) => name.slice(1))),
    tokens: new Map(await Promise.all(tokens)),
    released: images.of,
    strangeVolumes: await strangeVolumes(scene),
    imageNames: tagged.flatMap(({ RepoTags }) => (RepoTags as string[] | null) ?? []),
    files: await filesOf(scene),
    openRun: await openRun(scene),
    outcome: await outcomeOf(scene),
  };
}

/** In use by nobody, and of no container that its owner ever saw. */
async function strangeVolumes({ h, volumes }: Scene): Promise<string[]> {
  const { Volumes: unused } = await h.docker.listVolumes({ filters: { dangling: ["true"] } });
  return (unused ?? []).map(({ Name }) => Name).filter((name) => !volumes.has(name));
}

/**
 * The image before each container's last update is kept (docs/commands.md), and who it is that acts on Engines; nothing
 * else is, once all is over.
 */
const KEPT = [join("data", "updates"), join("data", "instance")];

async function filesOf({ stack }: Scene): Promise<string[]> {
  const data = join(stack.folder, "data");
  const entries = await readdir(data, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => !KEPT.some((kept) => file.startsWith(join(stack.folder, kept))));
}

/** A cycle of the poller's, asked for now. */
export async function outcomeOf({ stack }: Pick<Scene, "stack">): Promise<string> {
  const report = (await stack.check()) as { readonly outcome?: Readonly<Record<string, unknown>> };
  const { kind = "", ...rest } = report.outcome ?? {};
  return kind === "nothing due" ? kind : `${String(kind)} ${JSON.stringify(rest)}`;
}

/** Volumes of the containers that are there: their owner has seen them. */
export async function noteVolumes(scene: Scene, services: readonly ServiceName[]): Promise<void> {
  for (const service of services)
    for (const { Mounts } of await containersOf(scene, service))
      for (const { Name } of Mounts) if (Name !== undefined) scene.volumes.add(Name);
}
