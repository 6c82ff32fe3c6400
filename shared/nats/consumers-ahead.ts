// A consumer that is ahead of its stream: what the stream held was lost (a disk that was full, a power cut, a file that was
// removed), it counts from 1 again, and the consumer would wait in silence for numbers that come in a year.
import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";

/** Of `infos`, which were asked for before: a stream's last number only grows. */
export async function findConsumersAhead(
  manager: JetStreamManager,
  stream: string,
  infos: readonly ConsumerInfo[],
): Promise<readonly ConsumerInfo[]> {
  if (infos.length === 0) return [];
  const { state } = await manager.streams.info(stream);
  return infos.filter(({ delivered, ack_floor: acked }) =>
    [delivered, acked].some(({ stream_seq: sequence }) => sequence > state.last_seq),
  );
}

/** Under their names, with their configurations. */
export async function recreateConsumers(
  manager: JetStreamManager,
  stream: string,
  infos: readonly ConsumerInfo[],
): Promise<void> {
  for (const { name, config } of infos) {
    await manager.consumers.delete(stream, name);
    await manager.consumers.add(stream, config);
  }
}
