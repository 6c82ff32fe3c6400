// Reads the notifier's outboxes: what has not been delivered, and why.
import { parseJson } from "../../shared/contract/messages.ts";
import { OUTBOX_KEYS, OutboxState } from "../../shared/contract/notifier-state.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { bucketOf } from "../../shared/nats/jetstream-client.ts";
import { type Fleet, isMissing, listKeys } from "./fleet.ts";

export interface StoredOutbox {
  readonly key: string;
  readonly revision: number;
  readonly text: string;
  readonly state: OutboxState;
}

/** One for each target; none where no notifier has run. */
export async function readOutboxes({ nats }: Fleet): Promise<StoredOutbox[]> {
  try {
    const bucket = await bucketOf(nats, BUCKETS.observers);
    const found = (await listKeys(bucket, OUTBOX_KEYS)).map(async (key): Promise<StoredOutbox[]> => {
      const entry = await bucket.get(key);
      const text = entry?.operation === "PUT" ? entry.string() : "";
      const state = OutboxState.safeParse(parseJson(text)).data;
      return state === undefined ? [] : [{ key, revision: entry?.revision ?? 0, text, state }];
    });
    return (await Promise.all(found)).flat();
  } catch (error) {
    if (isMissing(error)) return []; // an earlier version made the buckets
    throw error;
  }
}
