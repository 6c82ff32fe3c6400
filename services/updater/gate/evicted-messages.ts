// Streams have a size limit, and the oldest messages are evicted, whoever wrote them. So the messages of others may
// push out a question, or an answer that no updater was there to read.
import { getLastMessage, retryUntilAnswered } from "../../../shared/nats/jetstream.ts";
import { STREAMS } from "../../../shared/contract/subjects.ts";
import type { Bus } from "../bus.ts";

/** Whether the event on `subject` is gone, or answers that were stored after it may be, by the server's clock. */
export async function findEvicted(bus: Bus, subject: string): Promise<"event" | "answers" | undefined> {
  const event = await retryUntilAnswered(bus, () => getLastMessage(bus.manager, STREAMS.hooks, subject));
  if (event === undefined) return "event";
  const { state } = await retryUntilAnswered(bus, () => bus.manager.streams.info(STREAMS.verdicts));
  const [isFirstGone, isAnyLeft] = [state.first_seq > 1, state.messages > 0];
  return isFirstGone && isAnyLeft && Date.parse(state.first_ts) > event.time.getTime()
    ? "answers"
    : undefined;
}

/** Tries once to store an event of somebody else anew: permissions of an earlier version forbid it. */
export async function storeAnew({ js }: Bus, subject: string, text: string): Promise<void> {
  await js.publish(subject, text, { timeout: 2000 }).catch(() => undefined);
}
