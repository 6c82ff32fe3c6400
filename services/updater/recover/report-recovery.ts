// Reports the results that no run reports: recovery reached them from the Engine alone.
import { iso } from "../../../shared/clock.ts";
import type { Bus } from "../bus.ts";
import { describeChange } from "../journal/recorded-change.ts";
import { Notices, reportResult } from "../journal/notices.ts";
import type { SwapRecoveryResult } from "./roll-back-swap.ts";

/** @throws Suspended if the service stops before all results are stored. */
export async function reportRecovery(bus: Bus, restored: readonly SwapRecoveryResult[]): Promise<void> {
  for (const { container, run, end, because, swap } of restored) {
    if (swap === undefined) continue;
    const notices = new Notices(bus, { run, mode: "update" });
    const change = describeChange(swap.oldImage, swap.newImage, swap.old.Config.Image);
    const image = swap.old.Config.Image;
    const result = { container, image, end, because, by: "updater", ...change } as const;
    reportResult(notices, iso(bus.clock.now()), result, `recovered-${end}`);
    await notices.waitUntilStored();
  }
}
