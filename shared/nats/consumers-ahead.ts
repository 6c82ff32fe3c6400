// Finds and recreates consumers that are ahead of their stream. A stream that lost its messages (a full disk, a power
// cut, a removed file) counts from 1 again, and such a consumer would silently wait for sequences that are reached in
// a year.
import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";

/** `infos` must have been read before this call: the last sequence of a stream only grows. */
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

/** Deletes the consumers and adds them again with the same names and configurations. */
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
