// The entries of a bucket, followed without a consumer: a consumer delivers wherever its maker wants, so few may make one.
// A core subscription says when to look; the stream is read on by sequence. A change that nobody hears of is found at
// the next tick, and a bucket that was lost and made anew is read from its start.
import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import type { Clock } from "../../../shared/clock.ts";
import { getNextMessage } from "../../../shared/nats/jetstream.ts";

/** How often the stream is asked whether there is more. What a mirror takes over is not heard. */
const TICK_MS = 2000;
/** The message can come before its entry can be read. */
const FIRST_LOOK_AGAIN_MS = 2;
const LAST_LOOK_AGAIN_MS = 256;

interface BucketFollower {
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly clock: Clock;
}

export interface BucketEntry {
  readonly key: string;
  /** Undefined where it was removed. */
  readonly text: string | undefined;
  /** Server time, milliseconds since 1970. */
  readonly written: number;
}

/** Resolves when `take` has all entries of now. @throws what NATS throws until then. */
export async function followBucket(
  { nats, manager, clock }: BucketFollower,
  bucket: string,
  take: (entry: BucketEntry) => void,
): Promise<AsyncDisposable> {
  const over = new AbortController();
  const stream = `KV_${bucket}`;
  const all = `$KV.${bucket}.>`;
  let [created, sequence] = ["", 0];
  let woken = new AbortController();
  const heard = nats.subscribe(all, { callback: () => woken.abort() });
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
    for (let pause = TICK_MS; !over.signal.aborted;) {
      await clock.sleep(pause, AbortSignal.any([over.signal, woken.signal]));
      if (woken.signal.aborted) pause = FIRST_LOOK_AGAIN_MS;
      woken = new AbortController();
      const hasMore = !over.signal.aborted && (await readOn().catch(() => false));
      pause = hasMore || pause > LAST_LOOK_AGAIN_MS ? TICK_MS : pause * 2;
    }
  };
  try {
    await readOn();
  } catch (error) {
    heard.unsubscribe();
    throw error;
  }
  const following = follow();
  return {
    [Symbol.asyncDispose]: async () => {
      over.abort();
      heard.unsubscribe();
      await following;
    },
  };
}

const entryIn = (message: StoredMsg, all: string): BucketEntry => ({
  key: message.subject.slice(all.length - 1),
  text: message.header.has("KV-Operation") ? undefined : message.string(),
  written: message.time.getTime(),
});
