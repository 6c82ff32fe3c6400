// The same work for many items, a bounded number at a time, and a bounded number of those with the same key.

interface ConcurrencyLimits<T> {
  /** At a time in all. */
  readonly all: number;
  /** At a time with the same key; as many as in all by default. */
  readonly each?: number;
  readonly keyOf?: (item: T) => string;
}

/** The results in the order of the items. Rejects with the first failure, after the work in hand has ended. */
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
      // Nothing to take: what is left has its key's lanes, and they take it.
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
