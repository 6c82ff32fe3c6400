// Creating a container by its reference on one certain image, wherever the tag points by now.
import { CONFLICT, type Engine, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import type { Semaphore } from "../semaphore.ts";

interface ImageSwitch {
  readonly engine: Engine;
  readonly old: ContainerDocument;
  /** A tag that is moved for a moment is seen by everyone: one at a time. */
  readonly tagSemaphore: Semaphore;
}

/**
 * Creates by the container's reference while its tag points to this image. By an id it could never be updated again;
 * so a tag that points elsewhere is moved, and moved back.
 */
export async function createOnImage(
  { engine, old, tagSemaphore }: ImageSwitch,
  imageId: string,
  make: () => Promise<string>,
): Promise<string> {
  using _place = await tagSemaphore.take();
  const ref = parseImageRef(old.Config.Image);
  const tagged = await ifExists(engine.docker.getImage(old.Config.Image).inspect());
  if (ref === undefined || tagged?.Id === imageId) return await make();
  const tag = { repo: ref.name, tag: ref.tag };
  await engine.docker.getImage(imageId).tag(tag);
  try {
    return await make();
  } finally {
    // The only name of an image with a container on it stays: a prune took the others.
    if (tagged === undefined)
      await ignoreStatuses([CONFLICT], engine.docker.getImage(ref.familiar).remove({ noprune: true }));
    else await engine.docker.getImage(tagged.Id).tag(tag);
  }
}
