// Rollback: the image that a container ran before its last update, on the Engine still or from its registry by digest.
import type { ImageInspectInfo } from "dockerode";
import { ifThere } from "../../../shared/engine.ts";
import { parseImageRef, withTag } from "../../../shared/image-ref.ts";
import { whyNoWayBack } from "../../../shared/past-updates.ts";
import { isSameRepository } from "../../../shared/provenance.ts";
import { platformOf } from "../create/create-options.ts";
import type { ImageDocument } from "../create/inspect.ts";
import { lastUpdateHere } from "../journal/update-records.ts";
import { credentialSettings, pull } from "./pull.ts";
import type { UpdateEntry, Run } from "../updater.ts";

/** The tag stays where it is. @throws Error that says why there is no way back */
export async function imageBefore({ bus }: Run, { facts }: UpdateEntry): Promise<ImageInspectInfo> {
  const { engine } = bus.host;
  const last = await lastUpdateHere({ ...bus.context, host: bus.host }, facts.name);
  if (last === undefined)
    throw new Error("the records of this host, in DATA_DIR, know of no earlier update of it");
  const because = whyNoWayBack(last, facts.imageId);
  if (because !== undefined) throw new Error(because);
  const { from } = last;
  const own = parseImageRef(facts.reference);
  const known = last.from_digest ?? (engine.store === "containerd" ? `${own?.name ?? ""}@${from}` : "");
  const ref = parseImageRef(known);
  if (own === undefined || (ref !== undefined && !isSameRepository(ref, own)))
    throw new Error(`the image before, ${known}, is of another repository than ${facts.reference}`);
  const here = await ifThere(engine.docker.getImage(from).inspect());
  if (here !== undefined) return here;
  if (ref?.digest === undefined)
    throw new Error(`the image before, ${from}, is gone from the Engine and was in no registry`);
  const running = (await engine.docker.getImage(facts.imageId).inspect()) as unknown as ImageDocument;
  const platform = platformOf(running, engine);
  const { clock, signal } = bus;
  await pull({
    engine,
    ref: withTag(ref, ref.digest),
    platform,
    settings: await credentialSettings(bus),
    clock,
    signal,
  });
  return await engine.docker.getImage(known).inspect();
}
