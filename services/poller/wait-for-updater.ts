// Waits until the updater has nothing in hand.
import { explain } from "../../shared/errors.ts";
import type { Polling } from "./polling.ts";
import { whyUpdaterIsNotReady } from "./plan/publish-plan.ts";

interface UpdaterWait {
  readonly timeoutMs: number;
  readonly pollMs: number;
  readonly interrupt: AbortSignal;
}

/** Resolves when the updater is idle, after `timeoutMs`, or when `interrupt` aborts. */
export async function waitForUpdater(
  polling: Polling,
  { timeoutMs, pollMs, interrupt }: UpdaterWait,
): Promise<void> {
  const { clock } = polling;
  const until = clock.monotonic() + timeoutMs;
  do await clock.sleep(Math.min(pollMs, Math.max(until - clock.monotonic(), 0)), interrupt);
  while (
    !interrupt.aborted &&
    clock.monotonic() < until &&
    (await whyUpdaterIsNotReady(polling).catch(explain)) !== undefined
  );
}
