// Rollback: finds the image that a container ran before its last update, on the Engine or, by digest, in its
// registry.
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import type { ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { parseImageRef, withTag } from "../../../shared/registry/image-ref.ts";
import { whyNoRollback } from "../../../shared/nats/past-updates.ts";
import { isSameRepository } from "../../../shared/registry/provenance.ts";
import { platformOf } from "../create/create-options.ts";
import { readUpdateRecord } from "../journal/update-records.ts";
import { readCredentialSettings, pullImage } from "../containers/pull-image.ts";
import type { UpdateEntry, Run } from "../updater.ts";

/** A container that its last update gave another tag gets the tag before, by this host's own record. */
export async function toEarlierTag({ bus }: Run, entry: UpdateEntry): Promise<UpdateEntry> {
  const last = await readUpdateRecord({ ...bus.context, host: bus.host }, entry.facts.name);
  const earlier = parseImageRef(last?.image ?? "");
  if (earlier === undefined || earlier.digest !== undefined || !isSameRepository(earlier, entry.ref))
    return entry;
  return { ...entry, ref: withTag(entry.ref, earlier.tag) };
}

/** Moves no tag. @throws Error that says why there is no way back */
export async function findRollbackImage({ bus }: Run, { facts }: UpdateEntry): Promise<ImageInspection> {
  const { engine } = bus.host;
  const last = await readUpdateRecord({ ...bus.context, host: bus.host }, facts.name);
  if (last === undefined) throw new Error(reasonOf(updateFailures.noEarlierUpdate));
  const because = whyNoRollback(last, facts.imageId);
  if (because !== undefined) throw new Error(because);
  const { from } = last;
  const own = parseImageRef(facts.reference);
  const known = last.from_digest ?? (engine.store === "containerd" ? `${own?.name ?? ""}@${from}` : "");
  const ref = parseImageRef(known);
  if (own === undefined || (ref !== undefined && !isSameRepository(ref, own)))
    throw new Error(
      reasonOf(updateFailures.earlierImageForeign, { image: known, reference: facts.reference }),
    );
  const local = await ifExists(engine.docker.getImage(from).inspect());
  if (local !== undefined) return local;
  if (ref?.digest === undefined) throw new Error(reasonOf(updateFailures.earlierImageGone, { image: from }));
  const running = await engine.docker.getImage(facts.imageId).inspect();
  const platform = platformOf(running, engine);
  const { clock, signal } = bus;
  await pullImage({
    engine,
    ref: withTag(ref, ref.digest),
    platform,
    settings: await readCredentialSettings(bus),
    clock,
    signal,
  });
  return await engine.docker.getImage(known).inspect();
}
