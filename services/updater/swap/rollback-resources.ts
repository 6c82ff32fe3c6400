// Protects what a rollback needs from a prune, or recreates it. `docker system prune` removes stopped containers and
// untagged images, `prune -a` also images that no container uses. Both can hit the old container and its image while
// the new container is verified.
//   W1  The old image has a tag of ours from before the first stop until the old container runs again or is removed
//       for good. Not on podman: it removes an image's last name only by force, and then also the containers of the
//       image.
//   W2  An old container that is gone is recreated from its snapshot (remake-container.ts), and an image that is gone
//       is pulled by its digest.
//   W3  If that image cannot be pulled, the successor runs under the name: a container that may be bad beats none.
import { createHash } from "node:crypto";
import type Docker from "dockerode";
import type { ImageInspection } from "../../../shared/docker/inspect-documents.ts";
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
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import { type ImageRef, parseImageRef, withTag } from "../../../shared/registry/image-ref.ts";
import { originOf } from "../../../shared/registry/provenance.ts";
import { platformOf } from "../create/create-options.ts";
import { createOnImage } from "../containers/create-on-image.ts";
import { renameContainer } from "../containers/rename-container.ts";
import { type RemakeContext, remakeContainer } from "./remake-container.ts";
import { makeSuccessor } from "./make-successor.ts";
import { type RecoverableStep, isVerified } from "./swap-phase.ts";

/** The parts of a swap (swap.ts) that a rollback needs. */
interface RollbackContext extends RemakeContext {
  readonly newImage: ImageInspection;
  readonly reference?: string | undefined;
  readonly successor: string | undefined;
  readonly resumedSince?: string;
  readonly dependants: readonly RollbackContext[];
}

/** An image that may be gone, and how to pull it. */
interface ImageToFetch {
  readonly engine: Engine;
  readonly reference: string;
  readonly image: ImageInspection;
  readonly fetchImage: (wanted: { ref: ImageRef; platform: string | undefined }) => Promise<void>;
}

/** A repository name for local tags only; nothing is ever pulled or pushed under it. */
export const KEPT_IMAGES = "ouroboros-way-back";

/** Container names may be longer than tags. */
const tagOf = ({ run, name }: Pick<RollbackContext, "run" | "name">): string =>
  `${run}-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;

/** W1 */
export const keepOldImages: RecoverableStep<RollbackContext> = {
  name: "keep the old image",
  outlastsFailedUndo: true, // an undo that failed may still need the image
  isDone: isVerified, // else a process of an earlier version may not have done it
  needsSuccessor: true,
  do: async (swap) => {
    const gone = swap.resumedSince === undefined ? [] : [NOT_FOUND]; // a prune may have removed it since then
    for (const updated of updatedIn(swap))
      await ignoreStatuses(
        gone,
        updated.engine.docker.getImage(updated.oldImage.Id).tag({ repo: KEPT_IMAGES, tag: tagOf(updated) }),
      );
  },
  undo: releaseOldImages,
};

/** Runs before the old container is removed: while a container uses it, an image that loses its last name stays. */
export async function releaseOldImages(swap: RollbackContext): Promise<void> {
  for (const updated of updatedIn(swap)) await untag(swap.engine, `${KEPT_IMAGES}:${tagOf(updated)}`);
}

/** The swaps that change an image: the swap itself, and the dependants that are updated with it. */
const updatedIn = (swap: RollbackContext): RollbackContext[] =>
  swap.engine.store === "podman"
    ? []
    : [swap, ...swap.dependants].filter(({ oldImage, newImage }) => oldImage.Id !== newImage.Id);

/** Docker's Engines keep an image that a container uses, without a name. */
const untag = ({ docker }: Engine, name: string): Promise<void> =>
  ignoreStatuses(
    [NOT_FOUND],
    docker.getImage(name).remove({ force: true, noprune: true } as Docker.ImageRemoveOptions),
  );

/** Removes the tag of W1 that an earlier process left for a container that is not to run again. */
export const releaseImage = (
  { docker }: Engine,
  of: { readonly run: string; readonly name: string },
): Promise<void> =>
  ignoreStatuses(
    [NOT_FOUND, CONFLICT],
    docker.getImage(`${KEPT_IMAGES}:${tagOf(of)}`).remove({ noprune: true } as Docker.ImageRemoveOptions),
  );

interface NeededImages {
  /** Runs in which a swap is stuck. */
  readonly runs: readonly string[];
  /** Swaps whose successor is not verified yet. */
  readonly swaps: readonly Pick<RollbackContext, "run" | "name">[];
}

/**
 * Removes the tags of W1 that earlier processes left and nothing needs, also for a container that its owner removed.
 */
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

/** W2. @throws Error if the image is gone and cannot be pulled. */
export const fetchOldImage = (
  context: Pick<RemakeContext, "engine" | "old" | "oldImage" | "fetchImage">,
): Promise<void> =>
  fetchMissingImage({ ...context, image: context.oldImage, reference: context.old.Config.Image });

/** A prune took it before the successor was made. @throws Error if it is gone and cannot be pulled. */
export const fetchNewImage = ({
  engine,
  old,
  newImage,
  reference = old.Config.Image,
  fetchImage,
}: Pick<RollbackContext, "engine" | "old" | "newImage" | "reference" | "fetchImage">): Promise<void> =>
  fetchMissingImage({ engine, image: newImage, reference, fetchImage });

const MOST_PRUNES = 5;

/**
 * W2. A prune may remove the image again before the container exists. Resolves with the container's id.
 * @throws Error as fetchOldImage does, and if the Engine refuses the container.
 */
export async function remakeOldContainer(context: RemakeContext, insteadOf?: string): Promise<string> {
  for (let tries = 1; ; tries++) {
    await fetchOldImage(context);
    try {
      return await remakeContainer(context, insteadOf);
    } catch (error) {
      if (statusOf(error) !== NOT_FOUND || tries === MOST_PRUNES) throw error;
    }
  }
}

/** @throws Error if the image is gone and cannot be pulled. */
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
  throw new Error(reasonOf(updateFailures.imageGone, { image: image.Id, because }), { cause: failures[0] });
}

/** The image in its own repository, by each digest that the registry may know. */
function digestsOf({ store }: Engine, image: ImageInspection, reference: string): ImageRef[] {
  const ref = parseImageRef(reference);
  if (ref === undefined) return [];
  const kept = { id: image.Id, digests: image.RepoDigests ?? [] };
  return originOf(kept, ref, store).digests.map((digest) => withTag(ref, digest));
}

/** W3. Recreates a successor that is gone too. Resolves with whether it runs. */
export async function runSuccessorInstead(swap: RollbackContext): Promise<boolean> {
  const { name, engine } = swap;
  const id = await successorOf(swap).catch(() => undefined);
  if (id === undefined) return false;
  await renameContainer(engine, id, name);
  await ignoreStatuses([NOT_MODIFIED], engine.docker.getContainer(id).start());
  return true;
}

async function successorOf(swap: RollbackContext): Promise<string> {
  const { engine, old, newImage, successor } = swap;
  const isThere = async (id: string) =>
    (await ifExists(engine.docker.getContainer(id).inspect())) !== undefined;
  if (successor !== undefined && (await isThere(successor))) return successor;
  const reference = swap.reference ?? old.Config.Image;
  await fetchNewImage(swap);
  const template = { ...old, Config: { ...old.Config, Image: reference } };
  const context = { ...swap, old: template };
  return createOnImage(context, newImage.Id, () => makeSuccessor(context));
}
