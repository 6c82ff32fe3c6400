// What a case finds when its update begins: images, containers, data in their volumes; and how all that goes again.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NOT_FOUND, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { type Engine, pushApp } from "../../bed/bed.ts";
import { pull, release } from "../../support/containers.ts";
import { folderOfVolume, volumeNames } from "./engine-state.ts";
import type { Case, Deployed } from "./points.ts";
import { CHILD, type Role, SIDE, WEB, createOptions, imageOf, roles, sceneOf } from "./scenes.ts";

export interface DeployedCase extends Deployed {
  /** Names of web's volumes; each holds a file `kept` with its name. */
  readonly volumes: readonly string[];
}

const IN_USE = 409;

const WAITS = { cmd: `trap "exit 0" TERM; sleep 100000 & wait` };
const ENDS = { cmd: ["false"] };
const updated = [
  { image: WEB.good, options: { volumes: ["/anonymous"] }, next: {} },
  { image: WEB.bad, options: { volumes: ["/anonymous"] }, next: ENDS },
  { image: CHILD.good, options: WAITS, next: {} },
  { image: CHILD.bad, options: WAITS, next: ENDS },
] as const;

/** Version 1 and, as `latest`, the next one. */
export async function publishImages(): Promise<void> {
  for (const { image, options, next } of updated) {
    await pushApp(image, "1", { ...options, env: ["VERSION=1"] });
    await release(image, "2", { ...options, ...next });
  }
  await release(SIDE, "1", WAITS);
}

/** Version 1, under the tag that has moved on in the registry. */
export async function haveImages(h: Engine): Promise<void> {
  const here = updated.map(({ image }) => `registry.lab:5000/${image}`);
  for (const reference of [...here.map((image) => `${image}:1`), `registry.lab:5000/${SIDE}:latest`])
    if ((await ifExists(h.docker.getImage(reference).inspect())) === undefined) await pull(h, reference);
  for (const image of here) await h.docker.getImage(`${image}:1`).tag({ repo: image, tag: "latest" });
}

/** Web first, the others refer to it. */
export async function deploy(
  h: Engine,
  { scene: sceneName, policy }: Case,
  key: number,
): Promise<DeployedCase> {
  const scene = sceneOf(sceneName);
  const ids: Partial<Record<Role, string>> = {};
  for (const role of roles.filter((one) => one === "web" || scene.beside.includes(one))) {
    const Image = `registry.lab:5000/${imageOf(role, scene)}:latest`;
    const container = await h.docker.createContainer({
      ...createOptions(role, { scene, policy, key }),
      Image,
    });
    ids[role] = container.id;
    await container.start();
  }
  const { Mounts } = await h.docker.getContainer(ids.web ?? "").inspect();
  const volumes = Mounts.map(({ Name }) => Name ?? "");
  for (const volume of volumes) await writeFile(join(folderOfVolume(h, volume), "kept"), volume);
  return { key, ids, volumes };
}

/** Images stay; so does a volume that Engine 20.10, after a crash, holds for a container that was removed since. */
export async function clear({ docker }: Engine): Promise<void> {
  const listed = await docker.listContainers({ all: true });
  await Promise.all(listed.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true })));
  const removals = (await volumeNames({ docker })).map((name) =>
    ignoreStatuses([NOT_FOUND, IN_USE], docker.getVolume(name).remove({ force: true })),
  );
  await Promise.all(removals);
}
