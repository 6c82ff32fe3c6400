// What a run passes to everything that stops a container: the store for its snapshot, how to pull again an image that a
// prune removed, and the context of its swaps.
import type { SnapshotStore } from "../journal/snapshot-store.ts";
import type { HardDependencyHooks, SwapContext } from "../swap/swap-state.ts";
import { recreateSteps } from "../swap/swap-steps.ts";
import type { SwapTimerOptions } from "../swap/swap-timer.ts";
import { makeVerificationOptions } from "../swap/verify-container.ts";
import type { Run } from "../updater.ts";
import { readCredentialSettings, makeImageFetcher } from "../containers/pull-image.ts";

export const snapshotStoreOf = ({ bus }: Pick<Run, "bus">): SnapshotStore => ({
  settings: bus.context.settings,
  host: bus.host,
});

export const swapResourcesOf = ({
  bus,
  hardStop,
}: Run): Pick<SwapContext, "snapshotStore" | "fetchImage"> => ({
  snapshotStore: snapshotStoreOf({ bus }),
  fetchImage: makeImageFetcher({
    engine: bus.host.engine,
    clock: bus.clock,
    signal: hardStop,
    settings: () => readCredentialSettings(bus),
  }),
});

/** What the swaps of a run share. */
export const makeSwapContext = (run: Run, hardHooks?: HardDependencyHooks): SwapContext => ({
  engine: run.bus.host.engine,
  clock: run.bus.clock,
  run: run.journal.run,
  verificationFor: (old, image) =>
    makeVerificationOptions(old, image, { ...run, settings: run.bus.context.settings }),
  replaced: run.replaced,
  tagSemaphore: run.tagSemaphore,
  references: run.references,
  ran: run.ran,
  hardHooks,
  recreateSteps,
  ...swapResourcesOf(run),
});

/** For times and retries around one container; the log names it. */
export const timerOptionsOf = ({ bus, log, hardStop }: Run, name: string): SwapTimerOptions => ({
  clock: bus.clock,
  log: log.child({ container: name }),
  hardStop,
});
