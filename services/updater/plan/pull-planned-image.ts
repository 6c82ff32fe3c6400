// Pulls the image that was planned and asked about, or none: its digest is the contract.
import { messageOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import type { ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { shortDigest } from "../../../shared/registry/image-change.ts";
import { mayTakeOlder, readCooldown } from "../../../shared/containers/cooldown.ts";
import { type ImageRef, withTag } from "../../../shared/registry/image-ref.ts";
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
 * Whether the plan's digest is pulled although the tag names another: the plan says so, and a cooldown on this host wants
 * images that have been on their tag for a while. Otherwise a plan could name any image of the repository.
 */
const isOlderOnPurpose = (
  { facts, digest, passedOver }: UpdateEntry,
  { context: { settings } }: Bus,
): boolean => {
  const cooldown = readCooldown(facts.labels, settings);
  const isDigest = /^sha\d+:[0-9a-f]{64,128}$/.test(digest);
  return passedOver !== undefined && isDigest && mayTakeOlder(cooldown);
};

/** Pulls by digest, and gives the image the tag. @throws an Error with what the Engine or the registry said. */
async function pullOlder(
  bus: Bus,
  { ref, digest }: UpdateEntry,
  platform: string | undefined,
): Promise<ImageInspection> {
  const { host, clock, signal } = bus;
  const settings = await readCredentialSettings(bus);
  await pullImage({ engine: host.engine, ref: withTag(ref, digest), platform, settings, clock, signal });
  const image = host.engine.docker.getImage(`${ref.name}@${digest}`);
  await image.tag({ repo: ref.name, tag: ref.tag });
  return image.inspect();
}

/**
 * Pulls by tag, because containerd's store would keep the name of a pull by digest for ever, and no prune removes it.
 * The digest that arrived is compared with the plan's. If they differ, the tag is put back, and nothing runs the
 * image. @throws ImageMoved, and an Error with what the Engine or the registry said.
 */
export async function pullPlannedImage(bus: Bus, entry: UpdateEntry): Promise<ImageInspection> {
  const { facts, ref, digest } = entry;
  const { host, clock, signal } = bus;
  const { docker, store, mirrors } = host.engine;
  const running = await docker.getImage(facts.imageId).inspect();
  const kept = { id: running.Id, digests: running.RepoDigests };
  if (store === "driver" && !originOf(kept, ref, store).isProven)
    throw new ImageMoved(`its image does not come from ${ref.name}: it was built or tagged here`);
  const platform = platformOf(running, host.engine);
  if (isOlderOnPurpose(entry, bus)) return pullOlder(bus, entry, platform);
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
