// What the Engine has: every container and every image that one of them runs, each looked at once. Engine API:
// ContainerList, ContainerInspect, ImageInspect; nothing is changed.
import { withNeeds } from "../../shared/compat-labels.ts";
import { type Facts, factsOf } from "../../shared/container-facts.ts";
import type { ImageLabels } from "../../shared/counting-labels.ts";
import { describeContainer, describeImage } from "../../shared/describe.ts";
import { type Engine, ifThere } from "../../shared/engine.ts";
import type { ContainerPayload, ImagePayload } from "../../shared/payloads.ts";
import { type Unseen, inspectAll } from "../../shared/inspect-all.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import type { WatchedContainer } from "./plan.ts";

export interface Sight {
  readonly facts: readonly Facts[];
  readonly watched: readonly WatchedContainer[];
  /** By container id. */
  readonly containers: ReadonlyMap<string, ContainerPayload>;
  /** By image id. */
  readonly images: ReadonlyMap<string, ImagePayload>;
  /** Containers that the Engine could not show. */
  readonly unseen: readonly Unseen[];
}

const LANES = { all: 8 };

/** @throws what dockerode throws where the Engine does not answer. */
export async function lookAt({ docker, compat }: Engine, abortSignal: AbortSignal): Promise<Sight> {
  const { there, unseen } = await inspectAll({ docker }, abortSignal);
  const imageIds = [...new Set(there.map(({ Image }) => Image))];
  const found = await inParallel(
    imageIds,
    LANES,
    async (id) => [id, await ifThere(docker.getImage(id).inspect()).catch(() => undefined)] as const,
  );
  const images = new Map(
    found.flatMap(([id, image]) => (image === undefined ? [] : [[id, describeImage(image)] as const])),
  );
  const facts = withNeeds(
    there.map((inspect) => factsOf(inspect, imageLabels(images, inspect.Image))),
    compat,
  );
  return {
    facts,
    watched: facts.map((one) => {
      const lost = unseen.length === 0 ? lostParentOf(one, facts) : undefined; // it may be one that was not shown
      return { facts: one, digests: images.get(one.imageId)?.digests, ...(lost !== undefined && { lost }) };
    }),
    containers: new Map(there.map((inspect) => [inspect.Id, describeContainer(inspect)])),
    images,
    unseen,
  };
}

/** Only ids: a link to what is gone goes with it. */
const lostParentOf = ({ refersTo }: Facts, all: readonly Facts[]): string | undefined =>
  refersTo.find((target) => /^[0-9a-f]{64}$/.test(target) && !all.some(({ id }) => id === target));

const imageLabels = (images: ReadonlyMap<string, ImagePayload>, id: string): ImageLabels => {
  const image = images.get(id);
  return image === undefined ? "unknown" : image.labels;
};
