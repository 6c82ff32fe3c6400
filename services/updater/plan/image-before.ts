// Rollback: the image that a container ran before its last update, on the Engine still or from its registry by digest.
import type { ImageInspectInfo } from "dockerode";
import { ifThere } from "../../../shared/engine.ts";
import { parseImageRef } from "../../../shared/image-ref.ts";
import { untilAnswered } from "../../../shared/jetstream.ts";
import { lastUpdate, whyNoWayBack } from "../../../shared/past-updates.ts";
import { platformOf } from "../create/create-options.ts";
import type { ImageDocument } from "../create/inspect.ts";
import { pull } from "./pull.ts";
import type { Entry, Run } from "../updater.ts";

/** The tag stays where it is. @throws Error that says why there is no way back */
export async function imageBefore(run: Run, { facts }: Entry): Promise<ImageInspectInfo> {
  const { bus } = run;
  const { engine, name: host } = bus.host;
  const meant = { host, container: facts.name, except: run.journal.run };
  const last = await untilAnswered(bus, () => lastUpdate(bus.manager, meant));
  const because = whyNoWayBack(last, facts.imageId);
  if (because !== undefined) throw new Error(because);
  const { from = "", from_digest: digest = "" } = last ?? {};
  const here = await ifThere(engine.docker.getImage(from).inspect());
  if (here !== undefined) return here;
  const ref = parseImageRef(digest);
  if (ref?.digest === undefined)
    throw new Error(`the image before, ${from}, is gone from the Engine and was in no registry`);
  const running = (await engine.docker.getImage(facts.imageId).inspect()) as unknown as ImageDocument;
  const platform = platformOf(running, engine);
  const { context, clock, signal } = bus;
  await pull({
    engine,
    ref: { ...ref, tag: ref.digest },
    platform,
    settings: context.settings,
    clock,
    signal,
  });
  return await engine.docker.getImage(digest).inspect();
}
