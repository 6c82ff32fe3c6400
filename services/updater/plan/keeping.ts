// What a run gives to whatever stops a container: where its snapshot is kept, and how an image that a prune took is pulled again.
import type { Shelf } from "../journal/snapshots.ts";
import type { Swap } from "../swap/swap.ts";
import type { Run } from "../updater.ts";
import { credentialSettings, imageFetcher } from "./pull.ts";

export const shelfOf = ({ bus }: Pick<Run, "bus">): Shelf => ({
  settings: bus.context.settings,
  host: bus.host,
});

export const keepingOf = ({ bus, hardStop }: Run): Pick<Swap, "shelf" | "fetchImage"> => ({
  shelf: shelfOf({ bus }),
  fetchImage: imageFetcher({
    engine: bus.host.engine,
    clock: bus.clock,
    signal: hardStop,
    settings: () => credentialSettings(bus),
  }),
});
