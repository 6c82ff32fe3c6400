// SAVE_COUNTERS: keeps the counts of updates in the observers' bucket, one entry for each host.
import { parseJson } from "../../shared/contract/messages.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { decodeToken, encodeToken, isToken } from "../../shared/contract/subject-tokens.ts";
import { explain } from "../../shared/errors.ts";
import { readMessages, retryUntilAnswered } from "../../shared/nats/jetstream.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import { SavedCounts, UpdateCounts } from "./update-counts.ts";

export interface CountStore {
  readonly counts: UpdateCounts;
  /** Resolves when the host's counts are stored; without SAVE_COUNTERS at once. */
  readonly save: (host: string) => Promise<void>;
  readonly remove: (host: string) => Promise<void>;
}

const PREFIX = `$KV.${BUCKETS.observers}.exporter.counters.`;
const keyOf = (host: string): string => `exporter.counters.${encodeToken(host)}`;

/** Without SAVE_COUNTERS the counts begin with the process. */
export async function openCounts(observing: Observing): Promise<CountStore> {
  const counts = new UpdateCounts();
  if (!observing.settings.SAVE_COUNTERS)
    return { counts, save: () => Promise.resolve(), remove: () => Promise.resolve() };
  await restoreCounts(observing, counts);
  const { state, log, clock, signal } = observing;
  return {
    counts,
    save: async (host) => {
      await retryUntilAnswered({ clock, signal }, () =>
        state.put(keyOf(host), JSON.stringify(counts.toSave(host))),
      );
    },
    remove: async (host) => {
      await state
        .delete(keyOf(host))
        .catch((error: unknown) => log.debug({ host, because: explain(error) }, "counters not removed"));
    },
  };
}

async function restoreCounts(
  { manager, clock, signal, log }: Observing,
  counts: UpdateCounts,
): Promise<void> {
  try {
    const saved = await retryUntilAnswered({ clock, signal }, async () => {
      const found = new Map<string, string>();
      for await (const message of readMessages(manager, `KV_${BUCKETS.observers}`, `${PREFIX}>`))
        found.set(message.subject.slice(PREFIX.length), message.string());
      return found;
    });
    for (const [token, text] of saved) {
      const entry = SavedCounts.safeParse(parseJson(text)).data;
      if (entry !== undefined && isToken(token)) counts.restore(decodeToken(token), entry);
    }
  } catch (error) {
    log.warn({ because: explain(error) }, "counters begin anew");
  }
}
