// SAVE_COUNTERS: keeps the counts of updates in the observers' bucket, one entry for each host. Where NATS has no such
// bucket, as one that an earlier version has prepared, the counts begin anew, and are kept as soon as there is one.
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { parseJson } from "../../shared/contract/messages.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { decodeToken, encodeToken, isToken } from "../../shared/contract/subject-tokens.ts";
import { Suspended, explain } from "../../shared/errors.ts";
import { readMessages, retryUntilAnswered } from "../../shared/nats/jetstream.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import { type ContainerCount, SavedCounts, UpdateCounts } from "./update-counts.ts";

export interface CountStore {
  readonly counts: UpdateCounts;
  /** Resolves when the host's counts are stored; where they are not kept, or there is no bucket, at once. */
  readonly count: (event: string, update: Omit<ContainerCount, "count">) => Promise<void>;
  readonly remove: (host: string) => Promise<void>;
  /** Stores what could not be stored when it was counted. Resolves when the signal aborts. */
  readonly keepSaving: (signal: AbortSignal) => Promise<void>;
}

/** Without SAVE_COUNTERS the counts begin with the process. */
export async function openCounts(observing: Observing): Promise<CountStore> {
  const counts = new UpdateCounts();
  if (observing.settings.SAVE_COUNTERS) return KeptCounts.restore(observing, counts);
  return {
    counts,
    count: (event, update) => {
      counts.add(event, update);
      return Promise.resolve();
    },
    remove: () => Promise.resolve(),
    keepSaving: () => Promise.resolve(),
  };
}

const STREAM = `KV_${BUCKETS.observers}`;
const PREFIX = `$KV.${BUCKETS.observers}.exporter.counters.`;
const keyOf = (host: string): string => `exporter.counters.${encodeToken(host)}`;

/** At the first start of all services the updater may be about to create the bucket. */
const MISSING_PATIENCE_MS = 10_000;
const SAVE_INTERVAL_MS = 10_000;

class KeptCounts implements CountStore {
  readonly counts: UpdateCounts;
  readonly #observing: Observing;
  /** Hosts whose counts are not stored yet. */
  readonly #unsaved = new Set<string>();
  #isMissing = false;

  private constructor(observing: Observing, counts: UpdateCounts) {
    this.#observing = observing;
    this.counts = counts;
  }

  static async restore(observing: Observing, counts: UpdateCounts): Promise<KeptCounts> {
    const kept = new KeptCounts(observing, counts);
    try {
      const saved = await kept.#ask(() => readSaved(observing));
      for (const [host, entry] of saved ?? []) counts.restore(host, entry);
    } catch (error) {
      if (!(error instanceof Suspended))
        observing.log.warn({ because: explain(error) }, "counters begin anew");
    }
    return kept;
  }

  async count(event: string, update: Omit<ContainerCount, "count">): Promise<void> {
    this.counts.add(event, update);
    this.#unsaved.add(update.host);
    await this.#save(update.host);
  }

  async remove(host: string): Promise<void> {
    const { state, log } = this.#observing;
    this.#unsaved.delete(host);
    await state
      .delete(keyOf(host))
      .catch((error: unknown) => log.debug({ host, because: explain(error) }, "counters not removed"));
  }

  async keepSaving(signal: AbortSignal): Promise<void> {
    const { clock, log, nats } = this.#observing;
    while (!signal.aborted && !nats.isClosed()) {
      await clock.sleep(SAVE_INTERVAL_MS, signal);
      if (!this.#isMissing) continue; // what is under way is saved by `count`
      for (const host of this.#unsaved)
        await this.#save(host).catch((error: unknown) =>
          log.debug({ host, because: explain(error) }, "counters not saved"),
        );
    }
  }

  /** @throws where the server refuses them, and Suspended. */
  async #save(host: string): Promise<void> {
    const { state } = this.#observing;
    const isSaved = await this.#ask(async () => {
      const saved = this.counts.toSave(host);
      await state.put(keyOf(host), JSON.stringify(saved));
      return true;
    });
    if (isSaved) this.#unsaved.delete(host);
  }

  /** Undefined where the bucket is missing. @throws as retryUntilAnswered. */
  async #ask<T>(ask: () => Promise<T>): Promise<T | undefined> {
    const { clock, signal, log } = this.#observing;
    const since = clock.monotonic();
    return retryUntilAnswered({ clock, signal }, async () => {
      try {
        const answer = await ask();
        if (this.#isMissing) log.info({ bucket: BUCKETS.observers }, "counters are kept from now on");
        this.#isMissing = false;
        return answer;
      } catch (error) {
        const isPatient =
          !this.#isMissing && !signal.aborted && clock.monotonic() - since < MISSING_PATIENCE_MS;
        if (isPatient || !(await this.#findMissing())) throw error;
        return undefined;
      }
    });
  }

  /** The log says once that the bucket is missing. */
  async #findMissing(): Promise<boolean> {
    const { manager, log } = this.#observing;
    const isMissing = await manager.streams.info(STREAM).then(
      () => false,
      (error: unknown) =>
        error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound,
    );
    if (isMissing && !this.#isMissing)
      log.warn(
        { bucket: BUCKETS.observers },
        "counters begin anew and are not kept: NATS lacks the bucket; start an updater of this version, or run `ouroboros nats-config prepare`",
      );
    this.#isMissing ||= isMissing;
    return isMissing;
  }
}

async function readSaved({ manager }: Observing): Promise<ReadonlyMap<string, SavedCounts>> {
  const found = new Map<string, SavedCounts>();
  for await (const message of readMessages(manager, STREAM, `${PREFIX}>`)) {
    const token = message.subject.slice(PREFIX.length);
    const entry = SavedCounts.safeParse(parseJson(message.string())).data;
    if (entry !== undefined && isToken(token)) found.set(decodeToken(token), entry);
  }
  return found;
}
