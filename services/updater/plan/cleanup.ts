// CLEANUP: removing the image that an update left behind.
import type { ImageInspectInfo } from "dockerode";
import { describeImage } from "../../../shared/describe.ts";
import { CONFLICT, GONE, statusOf } from "../../../shared/engine.ts";
import { explain } from "../../../shared/errors.ts";
import type { Swap } from "../swap/swap.ts";
import type { Run } from "../updater.ts";

/** The outdated image goes when nothing uses it any more and before_image_cleanup agrees. */
export async function cleanUp(run: Run, swap: Pick<Swap, "name" | "oldImage" | "newImage">): Promise<void> {
  const { host, context } = run.bus;
  if (!context.settings.CLEANUP || swap.oldImage.Id === swap.newImage.Id) return;
  const listed = await host.engine.docker.listContainers({ all: true });
  if (listed.some(({ ImageID }) => ImageID === swap.oldImage.Id)) return;
  const decided = await run.gate.ask({
    hook: "before_image_cleanup",
    container: swap.name,
    locals: { image: describeImage(swap.oldImage as unknown as ImageInspectInfo) },
    reason: `${swap.name} was updated; nothing uses its old image any more`,
  });
  if (decided.verdict !== "proceed") return;
  const from = run.bus.clock.monotonic();
  try {
    await host.engine.docker.getImage(swap.oldImage.Id).remove();
    await run.journal.write({
      kind: "did",
      container: swap.name,
      step: "remove the outdated image",
      ms: run.bus.clock.monotonic() - from,
    });
  } catch (error) {
    if (![GONE, CONFLICT].includes(statusOf(error) ?? 0)) throw error;
    run.log.info(
      { container: swap.name, image: swap.oldImage.Id, because: explain(error) },
      "outdated image kept",
    );
  }
}
