// Reads the entries of a bucket with the rights of an observer, who may get messages and make no consumer.
import type { JetStreamManager } from "@nats-io/jetstream";
import { decodeToken, isToken } from "../contract/subject-tokens.ts";
import { readMessages } from "./jetstream.ts";

/** The decoded tokens of each key that fits the filter, and its last value: earlier values of a key come before it. A deleted one is empty. */
export async function* entriesOf(
  manager: JetStreamManager,
  bucket: string,
  filter = ">",
): AsyncGenerator<readonly [key: string[], text: string], void> {
  const prefix = `$KV.${bucket}.`;
  const last = new Map<string, string>();
  for await (const message of readMessages(manager, `KV_${bucket}`, `${prefix}${filter}`))
    last.set(message.subject.slice(prefix.length), message.string());
  for (const [key, text] of last) {
    const tokens = key.split(".");
    if (tokens.every(isToken)) yield [tokens.map(decodeToken), text];
  }
}
