// CLEANUP: removes the image that an update left behind.
import type { ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { describeImage } from "../../../shared/containers/payloads-from-engine.ts";
import { CONFLICT, NOT_FOUND, ifExists, statusOf, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { type ImageStore, isSameRepository } from "../../../shared/registry/provenance.ts";
import type { Swap } from "../swap/swap-state.ts";
import type { Run } from "../updater.ts";

interface ReplacedImage extends Pick<Swap, "name" | "oldImage" | "newImage"> {
  readonly old: { readonly Config: { readonly Image: string } };
}

/** Removes the outdated image if no container uses it, it has no other name, and before_image_cleanup agrees. */
export async function cleanUpImage(run: Run, swap: ReplacedImage): Promise<void> {
  if (!run.bus.context.settings.CLEANUP || swap.oldImage.Id === swap.newImage.Id) return;
  if ((await findRemovableNames(run, swap)) === undefined) return;
  const decided = await run.gate.ask({
    hook: "before_image_cleanup",
    container: swap.name,
    locals: { image: describeImage(swap.oldImage) },
    reason: `${swap.name} was updated; nothing uses its old image any more`,
  });
  if (decided.verdict !== "proceed") return;
  const names = await findRemovableNames(run, swap); // somebody may have used or named it while the gate waited
  if (names === undefined) return;
  const from = run.bus.clock.monotonic();
  try {
    for (const name of names)
      await ignoreStatuses([NOT_FOUND], run.bus.host.engine.docker.getImage(name).remove());
    await run.journal.write({
      kind: "did",
      container: swap.name,
      step: "remove the outdated image",
      ms: run.bus.clock.monotonic() - from,
    });
  } catch (error) {
    if (statusOf(error) !== CONFLICT) throw error;
    logKept(run, swap, explain(error));
  }
}

const logKept = (run: Run, { name, oldImage }: ReplacedImage, because: string): void =>
  run.log.info({ container: name, image: oldImage.Id, because }, "outdated image kept");

/** The names to remove, or the id if the image has none; undefined if the image must stay. */
async function findRemovableNames(run: Run, swap: ReplacedImage): Promise<readonly string[] | undefined> {
  const { docker, store } = run.bus.host.engine;
  const listed = await docker.listContainers({ all: true });
  if (listed.some(({ ImageID }) => ImageID === swap.oldImage.Id)) return undefined;
  const outdated = await ifExists(docker.getImage(swap.oldImage.Id).inspect());
  if (outdated === undefined) return undefined;
  const { own, others } = namesOf(outdated, swap.old.Config.Image, store);
  if (others.length > 0) logKept(run, swap, `it is ${others.join(", ")} too`);
  if (others.length > 0) return undefined;
  return own.length > 0 ? own : [outdated.Id];
}

interface ImageNames {
  /** The container's reference, and digests in its repository. */
  readonly own: readonly string[];
  /** Other tags, and digests in other repositories: somebody wants the image. */
  readonly others: readonly string[];
}

function namesOf(
  { RepoTags, RepoDigests }: ImageInspection,
  reference: string,
  store: ImageStore,
): ImageNames {
  const ref = parseImageRef(reference);
  // podman and containerd's store make a digest for each name, so the tags are enough
  const names = [...(RepoTags ?? []), ...(store === "driver" ? (RepoDigests ?? []) : [])];
  const isOwn = (name: string): boolean => {
    const parsed = parseImageRef(name);
    if (parsed === undefined || ref === undefined || !isSameRepository(parsed, ref)) return false;
    return parsed.digest !== undefined || parsed.tag === ref.tag;
  };
  return { own: names.filter(isOwn), others: names.filter((name) => !isOwn(name)) };
}
