// In a single-cycle run the services end when the work is done. What they published last must be read before an observer
// ends.
import { consumers } from "../contract/subjects.ts";
import { isOneCycle } from "./one-cycle.ts";
import type { Observing } from "./run-observer.ts";

const TIME_LIMIT_MS = 20_000;
const PAUSE_MS = 50;

/**
 * Aborts when the service is to stop; in a single-cycle run only when everything in the stream is acknowledged, at most 20
 * seconds later.
 */
export function signalAtEnd(observing: Observing, stream: string): AbortSignal {
  const { settings, signal } = observing;
  if (!isOneCycle(settings)) return signal;
  const end = new AbortController();
  const finish = (): void =>
    void waitUntilRead(observing, stream).finally(() => end.abort("read what was published last"));
  if (signal.aborted) finish();
  else signal.addEventListener("abort", finish, { once: true });
  return end.signal;
}

async function waitUntilRead({ manager, clock, name, log }: Observing, stream: string): Promise<void> {
  const from = clock.monotonic();
  while (clock.monotonic() - from < TIME_LIMIT_MS) {
    const info = await manager.consumers.info(stream, consumers.reader(name)).catch(() => undefined);
    if (info === undefined || info.num_pending + info.num_ack_pending === 0) return;
    await clock.sleep(PAUSE_MS);
  }
  log.warn({ after_s: TIME_LIMIT_MS / 1000 }, "stopped before everything was read; the next start reads on");
}
