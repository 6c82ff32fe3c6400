// In a single-cycle run the services end when the work is done. What they published last must be read before those end
// that are only told.
import type { JetStreamManager } from "@nats-io/jetstream";
import { isOneCycle } from "./one-cycle.ts";
import type { ServiceContext } from "./run-service.ts";

const TIME_LIMIT_MS = 20_000;
const PAUSE_MS = 50;

interface ReadingToEnd extends Pick<ServiceContext, "settings" | "clock" | "log" | "signal"> {
  readonly manager: JetStreamManager;
  readonly stream: string;
  /** The consumer by which the service reads. */
  readonly durable: string;
}

/**
 * Aborts when the service is to stop; in a single-cycle run only when everything in its consumer is acknowledged, at most 20
 * seconds later.
 */
export function signalAtEnd(reading: ReadingToEnd): AbortSignal {
  const { settings, signal } = reading;
  if (!isOneCycle(settings)) return signal;
  const end = new AbortController();
  const finish = (): void =>
    void waitUntilRead(reading).finally(() => end.abort("read what was published last"));
  if (signal.aborted) finish();
  else signal.addEventListener("abort", finish, { once: true });
  return end.signal;
}

async function waitUntilRead({ manager, clock, log, stream, durable }: ReadingToEnd): Promise<void> {
  const from = clock.monotonic();
  while (clock.monotonic() - from < TIME_LIMIT_MS) {
    const info = await manager.consumers.info(stream, durable).catch(() => undefined);
    if (info === undefined || info.num_pending + info.num_ack_pending === 0) return;
    await clock.sleep(PAUSE_MS);
  }
  log.warn({ after_s: TIME_LIMIT_MS / 1000 }, "stopped before everything was read; the next start reads on");
}
