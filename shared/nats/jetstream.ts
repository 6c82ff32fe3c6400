// What the JetStream client leaves to its users: to publish until a message is stored, and to read a stream by
// subject. The error codes are the server's (nats-server, server/errors.json).
import {
  type JetStreamClient,
  type JetStreamManager,
  JetStreamApiError,
  type MsgRequest,
  type StoredMsg,
} from "@nats-io/jetstream";
import { PermissionViolationError, RequestError, headers } from "nats";
import type { Clock } from "../clock.ts";
import { Suspended } from "../errors.ts";
import { Backoff } from "../retry.ts";

const PUBLISH_PAUSES = { first: 50, most: 1000 };
const RETRY_MS = 500;
// 10164: the same, while another write to the subject is in flight
const WRONG_LAST_SEQUENCE = new Set([10071, 10164]);

/** Another writer has published on the subject since `expected`. */
export const isConflict = (error: unknown): boolean =>
  error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.has(error.code);

/** Temporary: a write of the same message is in flight; a lost stream that is about to be recreated. */
const TEMPORARY = new Set([10163, 10059]);

/** The server refuses the request itself, so a retry cannot help. */
export const isRefused = (error: unknown): boolean =>
  error instanceof JetStreamApiError &&
  !isConflict(error) &&
  error.code >= 10000 &&
  !TEMPORARY.has(error.code) &&
  error.status < 500;

const NO_SUCH_STREAM = 10059;

/** The stream is missing, or may not be read: then nobody takes the request, which the client calls so. */
export const isUnavailable = (error: unknown): boolean =>
  (error instanceof JetStreamApiError && error.code === NO_SUCH_STREAM) ||
  (error instanceof RequestError && error.cause instanceof PermissionViolationError) ||
  (error instanceof Error && error.name === "JetStreamNotEnabled");

export interface PublishContext {
  readonly js: JetStreamClient;
  readonly clock: Clock;
  /** Ends the retries; the promise then rejects with the last error. */
  readonly signal: AbortSignal;
  readonly patience?: RetryListener;
}

/** Is told the outcome of each attempt, while the retries last. */
export interface RetryListener {
  readonly failed: (error: unknown) => void;
  readonly answered: () => void;
}

interface Message {
  readonly subject: string;
  readonly body: unknown;
  readonly contentType?: string;
  /** Sequence of the subject's last message, 0 for none. With it the server stores repeated attempts only once. */
  readonly expected?: number;
}

/**
 * Publishes until the server confirms that the message is stored; resolves with its sequence. It sends no message id:
 * an id that somebody else has used would make the server drop this message and still confirm it. A message that must
 * be stored exactly once passes `expected`.
 * @throws on conflict and refusal.
 */
export async function publish(via: PublishContext, message: Message): Promise<number> {
  const { js, clock, signal, patience } = via;
  const messageHeaders = headers();
  messageHeaders.set("Content-Type", message.contentType ?? "application/json");
  for (const backoff = new Backoff(clock, PUBLISH_PAUSES); ;) {
    try {
      const stored = await js.publish(message.subject, JSON.stringify(message.body), {
        headers: messageHeaders,
        timeout: 2000,
        ...(message.expected !== undefined && { expect: { lastSubjectSequence: message.expected } }),
      });
      patience?.answered();
      return stored.seq;
    } catch (error) {
      if (isConflict(error) || isRefused(error) || signal.aborted) throw error;
      patience?.failed(error);
      await backoff.pause(signal);
    }
  }
}

/**
 * Asks NATS until it answers.
 * @throws Suspended when the signal aborts first, and errors that a retry cannot help.
 */
export async function retryUntilAnswered<T>(
  { clock, signal, patience }: Omit<PublishContext, "js">,
  ask: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      const answer = await ask();
      patience?.answered();
      return answer;
    } catch (error) {
      if (isConflict(error) || isRefused(error)) throw error;
      patience?.failed(error);
      if (signal.aborted) throw new Suspended("stopped while NATS was away", { cause: error });
      await clock.sleep(RETRY_MS, signal);
    }
  }
}

/** Publishes a message that may already be stored, by an earlier attempt of this process or of the one before it. */
export async function publishOnce(via: PublishContext, message: Omit<Message, "expected">): Promise<void> {
  await publish(via, { ...message, expected: 0 }).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
}

/**
 * The first message on `subject` at or after `seq`; undefined if there is none. Reads from the stream's leader
 * (STREAM.MSG.GET): a direct get may be stale, and hides messages whose headers look like a status.
 */
export async function getNextMessage(
  manager: JetStreamManager,
  stream: string,
  subject: string,
  seq: number,
): Promise<StoredMsg | undefined> {
  const request = { seq, next_by_subj: subject } as unknown as MsgRequest; // the client's type lacks next_by_subj
  return (await manager.streams.getMessage(stream, request)) ?? undefined;
}

/** All messages that are now stored on `subject`, in order. */
export async function* readMessages(
  manager: JetStreamManager,
  stream: string,
  subject: string,
): AsyncGenerator<StoredMsg, void> {
  for (let seq = 1; ;) {
    const message = await getNextMessage(manager, stream, subject, seq);
    if (message === undefined) return;
    yield message;
    seq = message.seq + 1;
  }
}

export async function getLastMessage(
  manager: JetStreamManager,
  stream: string,
  subject: string,
): Promise<StoredMsg | undefined> {
  return (await manager.streams.getMessage(stream, { last_by_subj: subject })) ?? undefined;
}

/**
 * The server's clock, which dates messages and may differ from ours, in milliseconds. Undefined where it is not
 * reported.
 */
export async function getServerTime(
  manager: JetStreamManager,
  stream: string,
  durable: string,
): Promise<number | undefined> {
  // the client's type lacks ts
  const { ts } = (await manager.consumers.info(stream, durable)) as { readonly ts?: string };
  return ts === undefined ? undefined : Date.parse(ts);
}
