// Follows the entries of a bucket without a consumer: a consumer delivers wherever its creator wants, so few may
// create one. A core subscription says when to look; the stream is read on by sequence. The next tick finds a change
// whose message was missed. A bucket that was lost and created anew is read from its start.
import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import type { Clock } from "../../../shared/clock.ts";
import { getNextMessage, isUnavailable } from "../../../shared/nats/jetstream.ts";

/** How often the stream is checked for more. A subscription does not see what a mirror copies. */
export const TICK_MS = 2000;
/** The message can arrive before its entry can be read: pauses between retries. */
const FIRST_RETRY_MS = 2;
const LAST_RETRY_MS = 256;

interface BucketFollower {
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly clock: Clock;
}

export interface BucketEntry {
  readonly key: string;
  /** Undefined if the entry was removed. */
  readonly text: string | undefined;
  /** Server time, milliseconds since 1970. */
  readonly written: number;
}

/**
 * Resolves when `take` has received all current entries. @throws what NATS throws until then; with `mayLack` a bucket that
 * is not there, or may not be read, is empty until it is.
 */
export async function followBucket(
  { nats, manager, clock }: BucketFollower,
  bucket: string,
  take: (entry: BucketEntry) => void,
  { mayLack = false }: { readonly mayLack?: boolean } = {},
): Promise<AsyncDisposable> {
  const stopped = new AbortController();
  const stream = `KV_${bucket}`;
  const all = `$KV.${bucket}.>`;
  let [created, sequence] = ["", 0];
  let woken = new AbortController();
  const subscription = nats.subscribe(all, { callback: () => woken.abort() });
  /** Resolves with whether there was more. */
  const readOn = async (): Promise<boolean> => {
    const info = await manager.streams.info(stream);
    if (info.created !== created) [created, sequence] = [info.created, 0];
    const before = sequence;
    while (sequence < info.state.last_seq) {
      const message = await getNextMessage(manager, stream, all, sequence + 1);
      sequence = message?.seq ?? info.state.last_seq;
      if (message !== undefined) take(entryIn(message, all));
    }
    return sequence > before;
  };
  const follow = async (): Promise<void> => {
    for (let pause = TICK_MS; !stopped.signal.aborted;) {
      await clock.sleep(pause, AbortSignal.any([stopped.signal, woken.signal]));
      if (woken.signal.aborted) pause = FIRST_RETRY_MS;
      woken = new AbortController();
      const hasMore = !stopped.signal.aborted && (await readOn().catch(() => false));
      pause = hasMore || pause > LAST_RETRY_MS ? TICK_MS : pause * 2;
    }
  };
  try {
    await readOn();
  } catch (error) {
    if (!mayLack || !isUnavailable(error)) {
      subscription.unsubscribe();
      throw error;
    }
  }
  const following = follow();
  return {
    [Symbol.asyncDispose]: async () => {
      stopped.abort();
      subscription.unsubscribe();
      await following;
    },
  };
}

const entryIn = (message: StoredMsg, all: string): BucketEntry => ({
  key: message.subject.slice(all.length - 1),
  text: message.header.has("KV-Operation") ? undefined : message.string(),
  written: message.time.getTime(),
});
