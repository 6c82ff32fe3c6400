// Runs the same work for many items, with a limit on how many run at a time, in all and per key.

interface ConcurrencyLimits<T> {
  /** Limit for all items. */
  readonly all: number;
  /** Limit for items with the same key; by default the same as `all`. */
  readonly each?: number;
  readonly keyOf?: (item: T) => string;
}

/**
 * Resolves with the results in the order of the items. Rejects with the first failure, once the running work has
 * ended.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  { all, each = all, keyOf = () => "" }: ConcurrencyLimits<T>,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Map<number, R>();
  const waiting = items.map((item, index) => ({ item, index, key: keyOf(item) }));
  const busy = new Map<string, number>();
  const count = (key: string, by: number): unknown => busy.set(key, (busy.get(key) ?? 0) + by);
  const lane = async (): Promise<void> => {
    for (;;) {
      // Nothing to take means that the remaining items belong to busy keys, whose lanes will take them.
      const at = waiting.findIndex(({ key }) => (busy.get(key) ?? 0) < each);
      const [next] = at < 0 ? [] : waiting.splice(at, 1);
      if (next === undefined) return;
      count(next.key, 1);
      try {
        results.set(next.index, await work(next.item));
      } catch (error) {
        waiting.length = 0;
        throw error;
      } finally {
        count(next.key, -1);
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: all }, lane));
  const failed = ended.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return items.map((_, index) => results.get(index) as R);
}
