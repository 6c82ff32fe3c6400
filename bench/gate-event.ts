// The event that the gate's benches ask about.
import type { Asking } from "../services/updater/gate/gate.ts";
import { describeContainer, describeImage } from "../shared/describe.ts";
import type { Engine } from "../test/bed/bed.ts";
import { deploy } from "../test/support/containers.ts";

/** `before_update` of a real container, so that its event is as large as events are. */
export async function beforeUpdateOf(on: Engine): Promise<Asking<"before_update">> {
  const container = await on.docker.getContainer(await deploy(on, "web")).inspect();
  const image = describeImage(await on.docker.getImage(container.Image).inspect());
  return {
    hook: "before_update",
    container: "web",
    locals: { old_container: describeContainer(container), old_image: image, new_image: image },
    reason: "a newer image is here",
  };
}
