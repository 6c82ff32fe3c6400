// Makes the new container beside the running old one: creates it, attaches it to all its networks, and checks it by
// inspect before anything is stopped.
import type Docker from "dockerode";
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import type { Engine } from "../../../shared/docker/engine.ts";
import { CONFLICT, NOT_FOUND, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { systemClock } from "../../../shared/clock.ts";
import { primaryName, userGivenName } from "../../../shared/containers/swap-names.ts";
import { createOptionsFrom, platformOf } from "../create/create-options.ts";
import { type MountPoint, type Recreation, sharesContainer } from "../create/inspect.ts";

interface SuccessorPlan {
  readonly engine: Engine;
  readonly old: ContainerInspection;
  readonly oldImage: ImageInspection;
  readonly newImage: ImageInspection;
  readonly replaced: ReadonlyMap<string, string>;
  readonly name: string;
}

/** Resolves with the new container's id. @throws Error if the result is not as wanted; removes the container then. */
export async function makeSuccessor(plan: SuccessorPlan): Promise<string> {
  const { engine, old, newImage } = plan;
  const recreation: Recreation = {
    old,
    oldImage: plan.oldImage,
    newImage,
    api: engine.api,
    engineHostname: engine.hostname,
    replaced: plan.replaced,
    volumesFrom: await mountsOfSources(engine, old),
  };
  const { body, endpoints } = createOptionsFrom(recreation);
  const platform = platformOf(newImage, engine);
  const made = await engine.docker.createContainer({
    ...body,
    name: plan.name,
    ...(platform && { platform }),
  });
  try {
    for (const [network, endpoint] of Object.entries(endpoints.later)) {
      await engine.docker
        .getNetwork(network)
        .connect({ Container: made.id, EndpointConfig: endpoint as unknown as Docker.EndpointSettings });
    }
    await leaveUnwanted(engine, made.id, endpoints.wanted);
    const now = await made.inspect();
    const wrong = differencesFrom(recreation, now, endpoints.wanted);
    if (wrong.length > 0)
      throw new Error(reasonOf(updateFailures.notAsBefore, { differences: wrong.join("; ") }));
    return made.id;
  } catch (error) {
    await ignoreStatuses([NOT_FOUND, CONFLICT], made.remove({ force: true, v: true }));
    throw error;
  }
}

async function mountsOfSources(
  engine: Engine,
  old: ContainerInspection,
): Promise<Map<string, readonly MountPoint[]>> {
  const found = new Map<string, readonly MountPoint[]>();
  for (const entry of old.HostConfig.VolumesFrom ?? []) {
    const source = entry.split(":")[0] ?? "";
    const inspect = await inspectSource(engine, source);
    if (inspect !== undefined) found.set(source, inspect.Mounts);
  }
  return found;
}

const LOOK_EVERY_MS = 100;
const MOST_LOOKS = 50;

/** While a container is replaced, there is none of its name for a moment: that one is not gone. */
async function inspectSource(engine: Engine, source: string) {
  for (let look = 1; ; look++) {
    const inspect = await ifExists(engine.docker.getContainer(source).inspect());
    if (inspect !== undefined || look === MOST_LOOKS) return inspect;
    const all = await engine.docker.listContainers({ all: true });
    if (!all.some(({ Names }) => userGivenName(primaryName(Names)) === source)) return undefined;
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

/** A create call without endpoints attaches to the default network, even if the old container had left it. */
async function leaveUnwanted(
  engine: Engine,
  id: string,
  wanted: readonly string[] | undefined,
): Promise<void> {
  if (wanted === undefined) return;
  const { NetworkSettings } = await engine.docker.getContainer(id).inspect();
  for (const network of Object.keys(NetworkSettings.Networks)) {
    if (!wanted.includes(network))
      await engine.docker.getNetwork(network).disconnect({ Container: id, Force: true });
  }
}

function differencesFrom(
  { old, newImage }: Recreation,
  now: ContainerInspection,
  wanted: readonly string[] | undefined,
): string[] {
  const mounted = new Set(now.Mounts.map(mountKey));
  const lost = old.Mounts.filter(
    (mount) => ["volume", "bind"].includes(mount.Type) && !mounted.has(mountKey(mount)),
  );
  const networks = Object.keys(now.NetworkSettings.Networks ?? {});
  const attached =
    sharesContainer(old.HostConfig.NetworkMode) || wanted === undefined || sameSet(networks, wanted);
  return [
    ...(now.Image === newImage.Id
      ? []
      : [`it got image ${now.Image} instead of ${newImage.Id}: the tag moved`]),
    ...lost.map((mount) => `no mount at ${mount.Destination}`),
    ...(attached ? [] : [`attached to ${networks.join(", ")} instead of ${(wanted ?? []).join(", ")}`]),
  ];
}

const mountKey = (mount: MountPoint): string =>
  `${mount.Type} ${mount.Name ?? mount.Source} ${mount.Destination} ${mount.RW}`;
const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((item) => b.includes(item));
