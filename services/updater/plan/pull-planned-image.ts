// Pulls the image that was planned and asked about, or none: its digest is the contract.
import { messageOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import type { ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { shortDigest } from "../../../shared/registry/image-change.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import { digestsIn, originOf } from "../../../shared/registry/provenance.ts";
import type { Bus } from "../bus.ts";
import { platformOf } from "../create/create-options.ts";
import type { UpdateEntry } from "../updater.ts";
import { readCredentialSettings, pullImage } from "../containers/pull-image.ts";

/** By that tag the Engine got another image than the planned one. The message explains it in full. */
export class ImageMoved extends Error {
  override readonly name = "ImageMoved";
}

/**
 * Pulls by tag, because containerd's store would keep the name of a pull by digest for ever, and no prune removes it.
 * The digest that arrived is compared with the plan's. If they differ, the tag is put back, and nothing runs the
 * image. @throws ImageMoved, and an Error with what the Engine or the registry said.
 */
export async function pullPlannedImage(
  bus: Bus,
  { facts, ref, digest }: UpdateEntry,
): Promise<ImageInspection> {
  const { host, clock, signal } = bus;
  const { docker, store, mirrors } = host.engine;
  const running = await docker.getImage(facts.imageId).inspect();
  const kept = { id: running.Id, digests: running.RepoDigests };
  if (store === "driver" && !originOf(kept, ref, store).isProven)
    throw new ImageMoved(`its image does not come from ${ref.name}: it was built or tagged here`);
  const platform = platformOf(running, host.engine);
  const before = await ifExists(docker.getImage(ref.familiar).inspect());
  const settings = await readCredentialSettings(bus);
  await pullImage({ engine: host.engine, ref, platform, settings, clock, signal });
  const image = await docker.getImage(ref.familiar).inspect();
  const got = digestsIn(image.RepoDigests, ref);
  if ([image.Id, ...got].includes(digest)) return image;
  const name = docker.getImage(before?.Id ?? ref.familiar);
  if (before === undefined) await name.remove({ noprune: true });
  else await name.tag({ repo: ref.name, tag: ref.tag });
  const what = image.Id === facts.imageId ? "the image that runs" : shortDigest(got[0] ?? image.Id);
  throw new ImageMoved(
    messageOf(updateFailures.tagMoved, {
      image: ref.familiar,
      digest: shortDigest(digest),
      other: what,
      suspect: suspectsOf(ref, mirrors),
    }),
  );
}

/** What may stand between the Engine and the registry. Mirrors apply to Docker Hub only. */
const suspectsOf = ({ registry }: ImageRef, mirrors: readonly string[]): string =>
  registry === "docker.io" && mirrors.length > 0
    ? `a mirror of the Engine (${mirrors.join(", ")})`
    : "a mirror or proxy of the Engine";
