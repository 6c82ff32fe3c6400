// SAVE_COUNTERS: keeps the counts of updates in the observers' bucket, one entry for each host.
import { parseJson } from "../../shared/contract/messages.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";
import { Suspended, explain } from "../../shared/errors.ts";
import { entriesOf } from "../../shared/nats/bucket-entries.ts";
import { retryUntilAnswered } from "../../shared/nats/jetstream.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import { type ContainerCount, SavedCounts, UpdateCounts } from "./update-counts.ts";

export interface CountStore {
  readonly counts: UpdateCounts;
  /** Resolves when the host's counts are stored; where they are not kept, at once. @throws Suspended */
  readonly count: (event: string, update: Omit<ContainerCount, "count">) => Promise<void>;
  readonly remove: (host: string) => Promise<void>;
}

/** Without SAVE_COUNTERS the counts begin with the process. */
export async function openCounts(observing: Observing): Promise<CountStore> {
  const counts = new UpdateCounts();
  if (!observing.settings.SAVE_COUNTERS)
    return {
      counts,
      count: (event, update) => {
        counts.add(event, update);
        return Promise.resolve();
      },
      remove: () => Promise.resolve(),
    };
  await restoreCounts(observing, counts);
  const { state, log } = observing;
  return {
    counts,
    count: async (event, update) => {
      counts.add(event, update);
      await retryUntilAnswered(observing, () =>
        state.put(keyOf(update.host), JSON.stringify(counts.toSave(update.host))),
      );
    },
    remove: async (host) => {
      await state
        .delete(keyOf(host))
        .catch((error: unknown) => log.debug({ host, because: explain(error) }, "counters not removed"));
    },
  };
}

const KEY = ["exporter", "counters"] as const;
const keyOf = (host: string): string => [...KEY, encodeToken(host)].join(".");

async function restoreCounts(observing: Observing, counts: UpdateCounts): Promise<void> {
  try {
    const saved = await retryUntilAnswered(observing, () => readSaved(observing));
    for (const [host, entry] of saved) counts.restore(host, entry);
  } catch (error) {
    if (!(error instanceof Suspended)) observing.log.warn({ because: explain(error) }, "counters begin anew");
  }
}

async function readSaved({ manager }: Observing): Promise<ReadonlyMap<string, SavedCounts>> {
  const found = new Map<string, SavedCounts>();
  for await (const [[service, what, host = ""], text] of entriesOf(manager, BUCKETS.observers)) {
    const entry = SavedCounts.safeParse(parseJson(text)).data;
    if (service === KEY[0] && what === KEY[1] && entry !== undefined) found.set(host, entry);
  }
  return found;
}
