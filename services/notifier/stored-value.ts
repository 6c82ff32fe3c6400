// Changes one value in a bucket by compare-and-set, so that several notifiers change it one after the other.
import type { KV } from "@nats-io/kv";
import type { Logger } from "pino";
import type * as z from "zod";
import { parseJson } from "../../shared/contract/messages.ts";
import { isConflict } from "../../shared/nats/jetstream.ts";

export interface StoredValue<T> {
  readonly bucket: KV;
  readonly key: string;
  readonly schema: z.ZodType<T>;
  /** Stands for a value that is missing, or cannot be read, which is logged. */
  readonly empty: T;
  readonly log: Logger;
}

export async function readValue<T>(stored: StoredValue<T>): Promise<T> {
  return (await readEntry(stored)).value;
}

/** `change` may run several times; undefined leaves the value as it is. Resolves with the value afterwards. */
export async function changeValue<T>(
  stored: StoredValue<T>,
  change: (before: T) => T | undefined | Promise<T | undefined>,
): Promise<T> {
  for (;;) {
    const { value, revision } = await readEntry(stored);
    const after = await change(value);
    if (after === undefined) return value;
    try {
      await stored.bucket.put(stored.key, JSON.stringify(after), { previousSeq: revision });
      return after;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}

async function readEntry<T>({ bucket, key, schema, empty, log }: StoredValue<T>) {
  const entry = await bucket.get(key);
  const text = entry?.operation === "PUT" ? entry.string() : "";
  const value = schema.safeParse(parseJson(text)).data;
  if (value === undefined && text !== "")
    log.error({ key }, "what was stored cannot be read, and is left out");
  return { value: value ?? empty, revision: entry?.revision ?? 0 };
}
