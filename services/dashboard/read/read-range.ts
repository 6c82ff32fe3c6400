// Reads messages of a stream by their sequences, many at a time: an observer may make no consumer that begins in the
// past.
import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { inParallel } from "../../../shared/in-parallel.ts";

const AT_A_TIME = 64;

/** The messages from `first` to `last` that are still there, in order. @throws the NATS client's error. */
export async function readRange(
  manager: JetStreamManager,
  stream: string,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<StoredMsg[]> {
  const sequences = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  const found = await inParallel(sequences, { all: AT_A_TIME }, (seq) =>
    manager.streams.getMessage(stream, { seq }),
  );
  return found.filter((message) => message !== null && message !== undefined);
}
