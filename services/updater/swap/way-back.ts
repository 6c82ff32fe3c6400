// What the way back needs is out of a prune's reach, or is made anew. `docker system prune` takes stopped containers and
// images without a tag, `prune -a` also images that no container uses: both fit the old container while the new one is
// verified.
//   W1  The old image bears a tag of ours from before the first stop until the old container runs again or goes for good.
//   W2  An old container that is gone is made anew from its inspect document, and an image that is gone is pulled by its
//       digest.
//   W3  Where that image cannot be had, the successor runs under the name: one that may be bad beats none.
import { createHash } from "node:crypto";
import type Docker from "dockerode";
import { ALREADY_SO, type Engine, GONE, ifThere, tolerating } from "../../../shared/engine.ts";
import { type ImageRef, parseImageRef, withTag } from "../../../shared/image-ref.ts";
import { originOf } from "../../../shared/provenance.ts";
import { platformOf } from "../create/create-options.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { onImage } from "./on-image.ts";
import { makeSuccessor } from "./successor.ts";
import type { Semaphore } from "./places.ts";
import type { Step } from "./saga.ts";

/** What of a swap (swap.ts) the way back needs. */
interface Returning {
  readonly engine: Engine;
  readonly run: string;
  readonly name: string;
  readonly old: ContainerDocument;
  readonly oldImage: ImageDocument;
  readonly newImage: ImageDocument;
  readonly replaced: ReadonlyMap<string, string>;
  readonly making: Semaphore;
  readonly successor: string | undefined;
  readonly fetchImage: (wanted: { ref: ImageRef; platform: string | undefined }) => Promise<void>;
  readonly dependants: readonly Returning[];
}

/** Of tags only; nothing is ever pulled or pushed under it. */
export const KEPT_IMAGES = "ouroboros-way-back";

/** Container names may be longer than tags. */
const tagOf = ({ run, name }: Pick<Returning, "run" | "name">): string =>
  `${run}-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;

/** W1 */
export const keepOldImages: Step<Returning> = {
  name: "keep the old image",
  tells: true, // while another undo fails, the image may still be needed
  do: async (swap) => {
    for (const one of replacedImages(swap))
      await one.engine.docker.getImage(one.oldImage.Id).tag({ repo: KEPT_IMAGES, tag: tagOf(one) });
  },
  undo: releaseOldImages,
};

/** Before the old container goes: with a container on it, an image that loses its last name stays as an untagged one. */
export async function releaseOldImages(swap: Returning): Promise<void> {
  for (const one of replacedImages(swap)) await untag(swap.engine, `${KEPT_IMAGES}:${tagOf(one)}`);
}

/** Its own and those of dependants that are updated with it. */
const replacedImages = (swap: Returning): Returning[] =>
  [swap, ...swap.dependants].filter(({ oldImage, newImage }) => oldImage.Id !== newImage.Id);

const untag = ({ docker }: Engine, name: string): Promise<void> =>
  tolerating(
    [GONE],
    docker.getImage(name).remove({ force: true, noprune: true } as Docker.ImageRemoveOptions),
  );

interface StillNeeded {
  /** In which something is stuck. */
  readonly runs: readonly string[];
  /** Of containers whose successor is not verified yet. */
  readonly swaps: readonly Pick<Returning, "run" | "name">[];
}

/** What an earlier process left of W1, also of a container that its owner removed meanwhile. */
export async function releaseOtherImages(engine: Engine, { runs, swaps }: StillNeeded): Promise<void> {
  const images = await engine.docker.listImages({ filters: { reference: [KEPT_IMAGES] } });
  const names = images
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .map((name) => name.replace(/^localhost\//, ""));
  const needed = swaps.map((swap) => `${KEPT_IMAGES}:${tagOf(swap)}`);
  const isNeeded = (name: string): boolean =>
    needed.includes(name) || runs.some((run) => name.startsWith(`${KEPT_IMAGES}:${run}-`));
  for (const name of names)
    if (name.startsWith(`${KEPT_IMAGES}:`) && !isNeeded(name)) await untag(engine, name);
}

/** W2; its image is there. Resolves with the id. @throws what the Engine refuses. */
export function recreateOld(swap: Returning): Promise<string> {
  const replaced = new Map([...swap.replaced].filter(([old]) => old !== swap.old.Id));
  return onImage(swap, swap.oldImage.Id, () =>
    makeSuccessor({ ...swap, newImage: swap.oldImage, replaced, name: swap.name }),
  );
}

/** W2. @throws Error where its image is gone and cannot be pulled. */
export async function fetchOldImage(swap: Returning): Promise<void> {
  const { engine, oldImage, fetchImage } = swap;
  const isThere = async () => (await ifThere(engine.docker.getImage(oldImage.Id).inspect())) !== undefined;
  if (await isThere()) return;
  const failures: unknown[] = [];
  for (const ref of digestsOf(swap)) {
    await fetchImage({ ref, platform: platformOf(oldImage, engine) }).catch((error: unknown) =>
      failures.push(error),
    );
    if (await isThere()) return;
  }
  throw new Error(`its image ${oldImage.Id} is gone and could not be pulled again`, { cause: failures[0] });
}

/** In its own repository, by the digests that the registry may know it by. */
function digestsOf({ engine, oldImage, old }: Returning): ImageRef[] {
  const ref = parseImageRef(old.Config.Image);
  if (ref === undefined) return [];
  const kept = { id: oldImage.Id, digests: oldImage.RepoDigests ?? [] };
  return originOf(kept, ref, engine.store).digests.map((digest) => withTag(ref, digest));
}

/** W3 */
export async function runSuccessorInstead(swap: Returning): Promise<void> {
  const { successor, name, engine } = swap;
  if (successor === undefined) return;
  const container = engine.docker.getContainer(successor);
  const inspect = await ifThere(container.inspect());
  if (inspect === undefined) return;
  if (inspect.Name !== `/${name}`) await container.rename({ name });
  await tolerating([ALREADY_SO], container.start());
}
