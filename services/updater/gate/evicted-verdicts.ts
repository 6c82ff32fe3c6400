// Streams have a size limit, and the oldest messages are evicted, whoever wrote them. So the messages of others may
// push out a question, or an answer that no updater was there to read.
import { getLastMessage, retryUntilAnswered } from "../../../shared/nats/jetstream.ts";
import { STREAMS } from "../../../shared/contract/subjects.ts";
import type { Bus } from "../bus.ts";

/** Whether verdicts that were stored after the event on `subject` may be gone, by the server's clock. */
export async function areVerdictsEvicted(bus: Bus, subject: string): Promise<boolean> {
  const event = await retryUntilAnswered(bus, () => getLastMessage(bus.manager, STREAMS.hooks, subject));
  const { state } = await retryUntilAnswered(bus, () => bus.manager.streams.info(STREAMS.verdicts));
  const [isFirstGone, isAnyLeft] = [state.first_seq > 1, state.messages > 0];
  return event !== undefined && isFirstGone && isAnyLeft && Date.parse(state.first_ts) > event.time.getTime();
}
