// A snapshot of the Engine: every container and every image that one of them runs, each inspected once; with SWARM the
// services of the swarm that it leads, beside them or in their place. Engine API: ContainerList, ContainerInspect,
// ImageInspect. Nothing is changed.
import { addNeededDependencies } from "../../shared/containers/compat-labels.ts";
import { type ContainerFacts, factsOf } from "../../shared/containers/container-facts.ts";
import type { ImageLabels } from "../../shared/containers/effective-labels.ts";
import { describeContainer, describeImage } from "../../shared/containers/payloads-from-engine.ts";
import { type Engine, ifExists } from "../../shared/docker/engine.ts";
import type { ContainerPayload, ImagePayload, ServicePayload } from "../../shared/contract/payloads.ts";
import { type UninspectableContainer, inspectAllContainers } from "../../shared/containers/inspect-all.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import type { Host } from "../../shared/runtime/run-service.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import { describeService, describeServiceImage } from "../../shared/swarm/describe-service.ts";
import { factsOfService, findOwnServices, readServices } from "../../shared/swarm/read-services.ts";
import type { WatchedContainer } from "./plan/plan.ts";

export interface EngineSnapshot {
  readonly facts: readonly ContainerFacts[];
  readonly watched: readonly WatchedContainer[];
  /** By container id. */
  readonly containers: ReadonlyMap<string, ContainerPayload>;
  /** By service id. */
  readonly services: ReadonlyMap<string, ServicePayload>;
  /** By image id. */
  readonly images: ReadonlyMap<string, ImagePayload>;
  /** With SWARM: why no service is looked at. */
  readonly swarm?: { readonly because: string; readonly isWrong: boolean };
  /** Containers that the Engine could not inspect, and services whose document cannot be read. */
  readonly unseen: readonly UninspectableContainer[];
}

const CONCURRENCY = { all: 8 };

const NO_CONTAINERS: EngineSnapshot = {
  facts: [],
  watched: [],
  containers: new Map(),
  services: new Map(),
  images: new Map(),
  unseen: [],
};

/** What SWARM asks to look at. @throws dockerode's error where the Engine does not answer. */
export async function takeEngineSnapshot(
  host: Host,
  { SWARM }: Pick<Settings, "SWARM">,
  signal: AbortSignal,
): Promise<EngineSnapshot> {
  const containers = SWARM === "services" ? NO_CONTAINERS : await lookAtContainers(host.engine, signal);
  return SWARM === false ? containers : addServices(containers, host, signal);
}

async function addServices(
  containers: EngineSnapshot,
  { engine, own }: Host,
  signal: AbortSignal,
): Promise<EngineSnapshot> {
  const found = await readServices(engine, signal);
  if ("because" in found) return { ...containers, swarm: found };
  const ownServices = await findOwnServices(engine, own);
  const services = found.services.map((service) => {
    const image = describeServiceImage(service);
    const facts = factsOfService(service, ownServices);
    return { service, image, watched: { facts, digests: image.digests } };
  });
  const watched = [...containers.watched, ...services.map((one) => one.watched)];
  return {
    ...containers,
    watched,
    facts: watched.map(({ facts }) => facts),
    services: new Map(services.map(({ service }) => [service.ID, describeService(service)])),
    images: new Map([...containers.images, ...services.map(({ image }) => [image.id, image] as const)]),
    unseen: [...containers.unseen, ...found.unseen],
  };
}

async function lookAtContainers(
  { docker, compat }: Engine,
  abortSignal: AbortSignal,
): Promise<EngineSnapshot> {
  const { there, unseen } = await inspectAllContainers({ docker }, abortSignal);
  const imageIds = [...new Set(there.map(({ Image }) => Image))];
  const found = await inParallel(
    imageIds,
    CONCURRENCY,
    async (id) => [id, await ifExists(docker.getImage(id).inspect()).catch(() => undefined)] as const,
  );
  const images = new Map(
    found.flatMap(([id, image]) => (image === undefined ? [] : [[id, describeImage(image)] as const])),
  );
  const facts = addNeededDependencies(
    there.map((inspect) => factsOf(inspect, imageLabels(images, inspect.Image))),
    compat,
  );
  return {
    facts,
    watched: facts.map((container) => {
      // A parent that is missing here may be one that could not be inspected.
      const lost = unseen.length === 0 ? lostParentOf(container, facts) : undefined;
      const digests = images.get(container.imageId)?.digests;
      return { facts: container, digests, ...(lost !== undefined && { lost }) };
    }),
    containers: new Map(there.map((inspect) => [inspect.Id, describeContainer(inspect)])),
    services: new Map(),
    images,
    unseen,
  };
}

/** Only ids count: a link to a removed container disappears with that container. */
const lostParentOf = ({ refersTo }: ContainerFacts, all: readonly ContainerFacts[]): string | undefined =>
  refersTo.find((target) => /^[0-9a-f]{64}$/.test(target) && !all.some(({ id }) => id === target));

const imageLabels = (images: ReadonlyMap<string, ImagePayload>, id: string): ImageLabels => {
  const image = images.get(id);
  return image === undefined ? "unknown" : image.labels;
};
