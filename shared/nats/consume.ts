// One durable pull consumer, one handler. The only place that acknowledges, so the only place that decides what a
// failure means: Permanent, never again; Suspended and anything else, later.
import type { Consumer, JetStreamClient, JsMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import type { Logger } from "pino";
import { type Clock, firstOf } from "../clock.ts";
import { Fenced, Permanent, Suspended } from "../errors.ts";
import { runIdIn } from "../contract/subjects.ts";

interface ConsumeOptions {
  readonly js: JetStreamClient;
  readonly stream: string;
  readonly durable: string;
  readonly handle: (message: JsMsg, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Ends the consuming; a message in hand is finished first. */
  readonly signal: AbortSignal;
  /** How many messages are handled at a time; 1 by default. */
  readonly parallel?: number;
}

/** Must be well below each consumer's ack wait. */
const HEARTBEAT_MS = 3000;
const RETRY_MS = 5000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2000;

/** Ends when the signal aborts. A consumer that is not there yet, or goes away, is waited for. */
export async function consume(nats: NatsConnection, work: ConsumeOptions): Promise<void> {
  const failed = new AbortController();
  const until = firstOf(work.signal, failed.signal);
  const takers = Array.from({ length: work.parallel ?? 1 }, () =>
    takeMessages(nats, work, until).finally(() => failed.abort()),
  );
  const [first] = (await Promise.allSettled(takers)).filter(({ status }) => status === "rejected");
  if (first?.status === "rejected") throw first.reason;
}

async function takeMessages(nats: NatsConnection, work: ConsumeOptions, until: AbortSignal): Promise<void> {
  for (let pause = FIRST_PAUSE_MS; !until.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      const consumer = await work.js.consumers.get(work.stream, work.durable);
      pause = FIRST_PAUSE_MS;
      while (!until.aborted) {
        const message = await fetchNext(consumer, until);
        if (message !== undefined) await handleMessage(message, work);
      }
    } catch (err) {
      if (err instanceof Fenced || nats.isClosed()) throw err;
      work.log.debug({ err, consumer: work.durable }, "consumer not there");
    }
    await work.clock.sleep(pause, until);
  }
}

/**
 * The next message, or undefined where none came for a while. Each is asked for by itself: a message that waited in a
 * buffer behind a slow one would have no heartbeat and be delivered again.
 */
async function fetchNext(consumer: Consumer, until: AbortSignal): Promise<JsMsg | undefined> {
  const messages = await consumer.fetch({ max_messages: 1, expires: 10_000, idle_heartbeat: 2000 });
  const stop = (): void => void messages.close();
  until.addEventListener("abort", stop, { once: true });
  try {
    for await (const message of messages) return message;
    return undefined;
  } finally {
    until.removeEventListener("abort", stop);
    await messages.close();
  }
}

async function handleMessage(message: JsMsg, { handle, log, clock, signal }: ConsumeOptions): Promise<void> {
  using _alive = clock.every(HEARTBEAT_MS, () => message.working());
  const { subject } = message;
  const about = { subject, run: runIdIn(subject) };
  try {
    await handle(message, signal);
    await message.ackAck({ timeout: 5000 }).catch(() => false);
  } catch (err) {
    if (err instanceof Fenced) throw err;
    if (err instanceof Permanent) {
      log.warn({ err, ...about }, "message given up");
      message.term(err.message.slice(0, 200));
    } else if (err instanceof Suspended) {
      log.info(about, "message left for the next start");
      message.nak();
    } else {
      log.error({ err, ...about }, "message tried again later");
      message.nak(RETRY_MS);
    }
  }
}
