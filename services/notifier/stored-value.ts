// Changes one value in a bucket by compare-and-set, so that several notifiers change it one after the other.
import type { KV } from "@nats-io/kv";
import type * as z from "zod";
import { parseJson } from "../../shared/contract/messages.ts";
import { isConflict } from "../../shared/nats/jetstream.ts";

export interface StoredValue<T> {
  readonly bucket: KV;
  readonly key: string;
  readonly schema: z.ZodType<T>;
  /** Stands for a value that is missing or cannot be read. */
  readonly empty: T;
}

export async function readValue<T>({ bucket, key, schema, empty }: StoredValue<T>): Promise<T> {
  const entry = await bucket.get(key);
  return parse(schema, entry?.operation === "PUT" ? entry.string() : "") ?? empty;
}

/** `change` may run several times; undefined leaves the value as it is. Resolves with the value afterwards. */
export async function changeValue<T>(
  { bucket, key, schema, empty }: StoredValue<T>,
  change: (before: T) => T | undefined | Promise<T | undefined>,
): Promise<T> {
  for (;;) {
    const entry = await bucket.get(key);
    const before = parse(schema, entry?.operation === "PUT" ? entry.string() : "") ?? empty;
    const after = await change(before);
    if (after === undefined) return before;
    try {
      await bucket.put(key, JSON.stringify(after), { previousSeq: entry?.revision ?? 0 });
      return after;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}

const parse = <T>(schema: z.ZodType<T>, text: string): T | undefined =>
  schema.safeParse(parseJson(text)).data;
