// Feeds the messages of one durable pull consumer to one handler. Only this file acknowledges messages, so only this
// file decides what an error means: after Permanent a message is not redelivered; after Suspended or any other error
// it is.
import type { Consumer, JetStreamClient, JsMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import type { Logger } from "pino";
import { type Clock, firstOf } from "../clock.ts";
import { Fenced, Permanent, Suspended } from "../errors.ts";
import { Backoff } from "../retry.ts";
import { runIdIn } from "../contract/subjects.ts";

interface ConsumeOptions {
  readonly js: JetStreamClient;
  readonly stream: string;
  readonly durable: string;
  readonly handle: (message: JsMsg, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  readonly clock: Clock;
  /** Ends the consumption, after the current message is handled. */
  readonly signal: AbortSignal;
  /** How many messages are handled at a time; 1 by default. */
  readonly parallel?: number;
}

/** Must be well below each consumer's ack wait. */
const HEARTBEAT_MS = 3000;
const RETRY_MS = 5000;
const PAUSES = { first: 250, most: 2000 };

/** Ends when the signal aborts. Waits for a consumer that does not exist yet or was deleted. */
export async function consume(nats: NatsConnection, options: ConsumeOptions): Promise<void> {
  const failed = new AbortController();
  const until = firstOf(options.signal, failed.signal);
  const loops = Array.from({ length: options.parallel ?? 1 }, () =>
    handleMessages(nats, options, until).finally(() => failed.abort()),
  );
  const [first] = (await Promise.allSettled(loops)).filter(({ status }) => status === "rejected");
  if (first?.status === "rejected") throw first.reason;
}

async function handleMessages(
  nats: NatsConnection,
  options: ConsumeOptions,
  until: AbortSignal,
): Promise<void> {
  for (const backoff = new Backoff(options.clock, PAUSES); !until.aborted;) {
    try {
      const consumer = await options.js.consumers.get(options.stream, options.durable);
      backoff.reset();
      while (!until.aborted) {
        const message = await fetchNext(consumer, until);
        if (message !== undefined) await handleMessage(message, options);
      }
    } catch (err) {
      if (err instanceof Fenced || nats.isClosed()) throw err;
      options.log.debug({ err, consumer: options.durable }, "consumer not there");
    }
    await backoff.pause(until);
  }
}

/**
 * Fetches the next message; undefined where none arrived for a while. Messages are fetched one at a time: a message
 * that is buffered behind a slow one would get no heartbeat and be redelivered.
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
  using _heartbeat = clock.every(HEARTBEAT_MS, () => message.working());
  const { subject } = message;
  const fields = { subject, run: runIdIn(subject) };
  try {
    await handle(message, signal);
    await message.ackAck({ timeout: 5000 }).catch(() => false);
  } catch (err) {
    if (err instanceof Fenced) throw err;
    if (err instanceof Permanent) {
      log.warn({ err, ...fields }, "message given up");
      message.term(err.message.slice(0, 200));
    } else if (err instanceof Suspended) {
      log.info(fields, "message left for the next start");
      message.nak();
    } else {
      log.error({ err, ...fields }, "message tried again later");
      message.nak(RETRY_MS);
    }
  }
}
