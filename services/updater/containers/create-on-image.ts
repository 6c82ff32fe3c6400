// Creates a container by its image reference but on a given image, wherever the tag points now.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { CONFLICT, type Engine, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import type { Semaphore } from "../semaphore.ts";

interface ImageSwitch {
  readonly engine: Engine;
  readonly old: ContainerInspection;
  /** Everyone on the Engine sees a tag that is moved for a moment, so this happens once at a time. */
  readonly tagSemaphore: Semaphore;
}

/**
 * Creates the container by its reference while the tag points to this image. If the tag points elsewhere, it is moved
 * there and back: a container created by image id could never be updated again.
 */
export async function createOnImage(
  { engine, old, tagSemaphore }: ImageSwitch,
  imageId: string,
  make: () => Promise<string>,
): Promise<string> {
  using _slot = await tagSemaphore.take();
  const ref = parseImageRef(old.Config.Image);
  const tagged = await ifExists(engine.docker.getImage(old.Config.Image).inspect());
  if (ref === undefined || tagged?.Id === imageId) return await make();
  const tag = { repo: ref.name, tag: ref.tag };
  await engine.docker.getImage(imageId).tag(tag);
  try {
    return await make();
  } finally {
    // CONFLICT: the Engine keeps the last name of an image that a container uses. A prune removed the other names.
    if (tagged === undefined)
      await ignoreStatuses([CONFLICT], engine.docker.getImage(ref.familiar).remove({ noprune: true }));
    else await engine.docker.getImage(tagged.Id).tag(tag);
  }
}
