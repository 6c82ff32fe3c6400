// What a run passes to everything that stops a container: the store for its snapshot, and how to pull again an image
// that a prune removed.
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
