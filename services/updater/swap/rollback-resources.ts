// What the way back needs is out of a prune's reach, or is made anew. `docker system prune` takes stopped containers and
// images without a tag, `prune -a` also images that no container uses: both fit the old container while the new one is
// verified.
//   W1  The old image bears a tag of ours from before the first stop until the old container runs again or goes for good. Not on
//       podman: it takes an image's last name away by force alone, and the containers of the image with it.
//   W2  An old container that is gone is made anew from its snapshot (remake-container.ts), and an image that is gone is pulled by
//       its digest.
//   W3  Where that image cannot be had, the successor runs under the name: one that may be bad beats none.
import { createHash } from "node:crypto";
import type Docker from "dockerode";
import {
  NOT_MODIFIED,
  CONFLICT,
  type Engine,
  NOT_FOUND,
  ifExists,
  statusOf,
  ignoreStatuses,
} from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { type ImageRef, parseImageRef, withTag } from "../../../shared/registry/image-ref.ts";
import { originOf } from "../../../shared/registry/provenance.ts";
import { platformOf } from "../create/create-options.ts";
import type { ImageDocument } from "../create/inspect.ts";
import { createOnImage } from "../containers/create-on-image.ts";
import { type RemakeContext, remakeContainer } from "./remake-container.ts";
import { makeSuccessor } from "./make-successor.ts";
import type { Step } from "./saga.ts";

/** What of a swap (swap.ts) the way back needs. */
interface RollbackContext extends RemakeContext {
  readonly newImage: ImageDocument;
  readonly reference?: string;
  readonly successor: string | undefined;
  readonly resumedSince?: string;
  readonly dependants: readonly RollbackContext[];
}

/** What an image is called that may be gone, and how it is pulled. */
interface ImageToFetch {
  readonly engine: Engine;
  readonly reference: string;
  readonly image: ImageDocument;
  readonly fetchImage: (wanted: { ref: ImageRef; platform: string | undefined }) => Promise<void>;
}

/** Of tags only; nothing is ever pulled or pushed under it. */
export const KEPT_IMAGES = "ouroboros-way-back";

/** Container names may be longer than tags. */
const tagOf = ({ run, name }: Pick<RollbackContext, "run" | "name">): string =>
  `${run}-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;

/** W1 */
export const keepOldImages: Step<RollbackContext> = {
  name: "keep the old image",
  tells: true, // while another undo fails, the image may still be needed
  do: async (swap) => {
    const gone = swap.resumedSince === undefined ? [] : [NOT_FOUND]; // a prune may have taken it since then
    for (const one of replacedImages(swap))
      await ignoreStatuses(
        gone,
        one.engine.docker.getImage(one.oldImage.Id).tag({ repo: KEPT_IMAGES, tag: tagOf(one) }),
      );
  },
  undo: releaseOldImages,
};

/** Before the old container goes: with a container on it, an image that loses its last name stays as an untagged one. */
export async function releaseOldImages(swap: RollbackContext): Promise<void> {
  for (const one of replacedImages(swap)) await untag(swap.engine, `${KEPT_IMAGES}:${tagOf(one)}`);
}

/** Its own and those of dependants that are updated with it. */
const replacedImages = (swap: RollbackContext): RollbackContext[] =>
  swap.engine.store === "podman"
    ? []
    : [swap, ...swap.dependants].filter(({ oldImage, newImage }) => oldImage.Id !== newImage.Id);

/** Of Docker's Engines: an image that a container uses is kept, without a name. */
const untag = ({ docker }: Engine, name: string): Promise<void> =>
  ignoreStatuses(
    [NOT_FOUND],
    docker.getImage(name).remove({ force: true, noprune: true } as Docker.ImageRemoveOptions),
  );

/** What an earlier process left of W1 for a container that is not to run again. */
export const releaseImage = (
  { docker }: Engine,
  of: { readonly run: string; readonly name: string },
): Promise<void> =>
  ignoreStatuses(
    [NOT_FOUND, CONFLICT],
    docker.getImage(`${KEPT_IMAGES}:${tagOf(of)}`).remove({ noprune: true } as Docker.ImageRemoveOptions),
  );

interface NeededImages {
  /** In which something is stuck. */
  readonly runs: readonly string[];
  /** Of containers whose successor is not verified yet. */
  readonly swaps: readonly Pick<RollbackContext, "run" | "name">[];
}

/** What an earlier process left of W1, also of a container that its owner removed meanwhile. */
export async function releaseOtherImages(engine: Engine, { runs, swaps }: NeededImages): Promise<void> {
  if (engine.store === "podman") return;
  const images = await engine.docker.listImages({ filters: { reference: [KEPT_IMAGES] } });
  const names = images.flatMap(({ RepoTags }) => RepoTags ?? []);
  const needed = swaps.map((swap) => `${KEPT_IMAGES}:${tagOf(swap)}`);
  const isNeeded = (name: string): boolean =>
    needed.includes(name) || runs.some((run) => name.startsWith(`${KEPT_IMAGES}:${run}-`));
  for (const name of names)
    if (name.startsWith(`${KEPT_IMAGES}:`) && !isNeeded(name)) await untag(engine, name);
}

/** W2. @throws Error where its image is gone and cannot be pulled. */
export const fetchOldImage = (
  it: Pick<RemakeContext, "engine" | "old" | "oldImage" | "fetchImage">,
): Promise<void> => fetchMissingImage({ ...it, image: it.oldImage, reference: it.old.Config.Image });

const MOST_PRUNES = 5;

/** W2; a prune may take its image again before the container is there. Resolves with its id. @throws as fetchOldImage, and what the Engine refuses. */
export async function remakeOldContainer(it: RemakeContext, insteadOf?: string): Promise<string> {
  for (let tries = 1; ; tries++) {
    await fetchOldImage(it);
    try {
      return await remakeContainer(it, insteadOf);
    } catch (error) {
      if (statusOf(error) !== NOT_FOUND || tries === MOST_PRUNES) throw error;
    }
  }
}

/** @throws Error where the image is gone and cannot be pulled. */
async function fetchMissingImage({ engine, image, reference, fetchImage }: ImageToFetch): Promise<void> {
  const isThere = async () => (await ifExists(engine.docker.getImage(image.Id).inspect())) !== undefined;
  if (await isThere()) return;
  const failures: unknown[] = [];
  for (const ref of digestsOf(engine, image, reference)) {
    await fetchImage({ ref, platform: platformOf(image, engine) }).catch((error: unknown) =>
      failures.push(error),
    );
    if (await isThere()) return;
  }
  const because = failures.length > 0 ? explain(failures[0]) : "its digest in its registry is not known";
  throw new Error(`its image ${image.Id} is gone and could not be pulled again: ${because}`, {
    cause: failures[0],
  });
}

/** In its own repository, by the digests that the registry may know it by. */
function digestsOf({ store }: Engine, image: ImageDocument, reference: string): ImageRef[] {
  const ref = parseImageRef(reference);
  if (ref === undefined) return [];
  const kept = { id: image.Id, digests: image.RepoDigests ?? [] };
  return originOf(kept, ref, store).digests.map((digest) => withTag(ref, digest));
}

/** W3; a successor that is gone too is made again. Resolves with whether it runs. */
export async function runSuccessorInstead(swap: RollbackContext): Promise<boolean> {
  const { name, engine } = swap;
  const id = await successorOf(swap).catch(() => undefined);
  if (id === undefined) return false;
  const container = engine.docker.getContainer(id);
  const inspect = await container.inspect();
  if (inspect.Name !== `/${name}`) await container.rename({ name });
  await ignoreStatuses([NOT_MODIFIED], container.start());
  return true;
}

async function successorOf(swap: RollbackContext): Promise<string> {
  const { engine, old, newImage, successor, fetchImage } = swap;
  const isThere = async (id: string) =>
    (await ifExists(engine.docker.getContainer(id).inspect())) !== undefined;
  if (successor !== undefined && (await isThere(successor))) return successor;
  const reference = swap.reference ?? old.Config.Image;
  await fetchMissingImage({ engine, image: newImage, reference, fetchImage });
  const as = { ...old, Config: { ...old.Config, Image: reference } };
  return createOnImage({ ...swap, old: as }, newImage.Id, () => makeSuccessor({ ...swap, old: as }));
}
