// What the JetStream client leaves to its users: publishing again until it is stored, and reading a stream by
// subject. The error codes are the server's (nats-server, server/errors.json).
import {
  type JetStreamClient,
  type JetStreamManager,
  JetStreamApiError,
  type MsgRequest,
  type StoredMsg,
} from "@nats-io/jetstream";
import { headers } from "nats";
import type { Clock } from "../clock.ts";
import { Suspended } from "../errors.ts";

const RETRY_MS = 500;
const WRONG_LAST_SEQUENCE = new Set([10071, 10164]); // 10164: the same, while another write of the subject is in flight

/** Somebody else wrote on the subject since `expected`. */
export const isConflict = (error: unknown): boolean =>
  error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.has(error.code);

/** "Not now": a write of the same message is in flight; a stream that was lost and is made anew in a moment. */
const NOT_NOW = new Set([10163, 10059]);

/** What trying again cannot mend: the request itself is refused. */
export const isRefused = (error: unknown): boolean =>
  error instanceof JetStreamApiError &&
  !isConflict(error) &&
  error.code >= 10000 &&
  !NOT_NOW.has(error.code) &&
  error.status < 500;

export interface PublishContext {
  readonly js: JetStreamClient;
  readonly clock: Clock;
  /** Ends the trying; the promise then rejects with the last failure. */
  readonly signal: AbortSignal;
  readonly patience?: RetryListener;
}

/** Hears how the asking goes, while it goes on. */
export interface RetryListener {
  readonly failed: (error: unknown) => void;
  readonly answered: () => void;
}

interface Message {
  readonly subject: string;
  readonly body: unknown;
  readonly contentType?: string;
  /** Sequence of the subject's last message, 0 for none: the server then stores it once however often it is sent. */
  readonly expected?: number;
}

/**
 * Publishes until the server confirms it is stored. Without a message id: one that somebody else has used would make the
 * server drop this message, and confirm it. What must be stored once says what it `expected`. Resolves with its sequence.
 * @throws on conflict and refusal.
 */
export async function publish(via: PublishContext, message: Message): Promise<number> {
  const { js, clock, signal, patience } = via;
  const head = headers();
  head.set("Content-Type", message.contentType ?? "application/json");
  for (let pause = 50; ; pause = Math.min(pause * 2, 1000)) {
    try {
      const stored = await js.publish(message.subject, JSON.stringify(message.body), {
        headers: head,
        timeout: 2000,
        ...(message.expected !== undefined && { expect: { lastSubjectSequence: message.expected } }),
      });
      patience?.answered();
      return stored.seq;
    } catch (error) {
      if (isConflict(error) || isRefused(error) || signal.aborted) throw error;
      patience?.failed(error);
      await clock.sleep(pause, signal);
    }
  }
}

/** Asks NATS until it answers. @throws Suspended when the signal aborts first, and what asking again cannot mend. */
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

/** Publishes what may be stored already: an earlier try of ours, or of the process before us. */
export async function publishOnce(via: PublishContext, message: Omit<Message, "expected">): Promise<void> {
  await publish(via, { ...message, expected: 0 }).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
}

/**
 * The first message on `subject` at or after `seq`; undefined if there is none. Asked from the stream's leader
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

/** All on `subject`, in order, as far as there are any now. */
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

/** The clock that messages are dated by, in milliseconds; ours may be another. Undefined where a server does not tell. */
export async function getServerTime(
  manager: JetStreamManager,
  stream: string,
  durable: string,
): Promise<number | undefined> {
  const { ts } = (await manager.consumers.info(stream, durable)) as { readonly ts?: string }; // the client's type lacks it
  return ts === undefined ? undefined : Date.parse(ts);
}
