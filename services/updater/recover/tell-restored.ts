// Ends that no run tells: recovery came to them from the Engine alone.
import { iso } from "../../../shared/clock.ts";
import type { Bus } from "../bus.ts";
import { changeOf } from "../journal/change.ts";
import { Notices, tellEnd } from "../journal/notices.ts";
import type { Restored } from "./put-back.ts";

/** @throws Suspended where the service stopped before all were told. */
export async function tellRestored(bus: Bus, restored: readonly Restored[]): Promise<void> {
  for (const { container, run, end, because, swap } of restored) {
    if (swap === undefined) continue;
    const notices = new Notices(bus, { run, mode: "update" });
    const change = changeOf(swap.oldImage, swap.newImage, swap.old.Config.Image);
    const image = swap.old.Config.Image;
    const told = { container, image, end, because, by: "updater", ...change } as const;
    tellEnd(notices, iso(bus.clock.now()), told, `recovered-${end}`);
    await notices.stored();
  }
}
