// What a run gives to whatever stops a container: where its snapshot is kept, and how an image that a prune took is pulled again.
import type { SnapshotStore } from "../journal/snapshot-store.ts";
import type { Swap } from "../swap/swap.ts";
import type { Run } from "../updater.ts";
import { readCredentialSettings, makeImageFetcher } from "../containers/pull-image.ts";

export const snapshotStoreOf = ({ bus }: Pick<Run, "bus">): SnapshotStore => ({
  settings: bus.context.settings,
  host: bus.host,
});

export const swapResourcesOf = ({ bus, hardStop }: Run): Pick<Swap, "snapshotStore" | "fetchImage"> => ({
  snapshotStore: snapshotStoreOf({ bus }),
  fetchImage: makeImageFetcher({
    engine: bus.host.engine,
    clock: bus.clock,
    signal: hardStop,
    settings: () => readCredentialSettings(bus),
  }),
});
