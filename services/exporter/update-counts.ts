// How often each container was updated. With SAVE_COUNTERS the counts of a host are stored before its event is
// acknowledged, with the ids of the last events counted, so that they are exact across restarts.
import * as z from "zod";

export const SavedCounts = z.object({
  total: z.number().int(),
  containers: z.record(z.string(), z.object({ count: z.number().int().positive(), at: z.number() })),
  counted: z.array(z.string()),
});
export type SavedCounts = z.infer<typeof SavedCounts>;

export interface ContainerCount {
  readonly host: string;
  readonly container: string;
  readonly count: number;
  /** The last update, in milliseconds since 1970. */
  readonly at: number;
}

/** Older ones cannot be delivered again: a consumer has at most 256 messages under way, on all hosts together. */
const MAX_COUNTED = 256;
/** Over all hosts; the container that was updated longest ago is forgotten first. */
export const MAX_CONTAINERS = 10_000;
/** A container that was not updated for as long may be gone: nobody says so. */
export const FORGET_CONTAINER_MS = 30 * 86_400_000;

export class UpdateCounts {
  /** In the order of the last update. */
  readonly #counts = new Map<string, ContainerCount>();
  readonly #totals = new Map<string, number>();
  readonly #counted = new Map<string, string[]>();

  restore(host: string, { total, containers, counted }: SavedCounts): void {
    for (const [container, { count, at }] of Object.entries(containers))
      this.#counts.set(keyOf(host, container), { host, container, count, at });
    this.#totals.set(host, total);
    this.#counted.set(host, counted);
  }

  /** Counts an update; false where the event was counted before. */
  add(event: string, update: Omit<ContainerCount, "count">): boolean {
    const { host, container } = update;
    const counted = this.#counted.get(host) ?? [];
    if (counted.includes(event)) return false;
    this.#counted.set(host, [...counted, event].slice(-MAX_COUNTED));
    const key = keyOf(host, container);
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.delete(key);
    this.#counts.set(key, { ...update, count });
    this.#totals.set(host, this.totalOf(host) + 1);
    if (this.#counts.size > MAX_CONTAINERS)
      for (const oldest of this.#counts.keys()) return this.#counts.delete(oldest);
    return true;
  }

  /** All updates of the host's containers, also of those that are forgotten. */
  totalOf(host: string): number {
    return this.#totals.get(host) ?? 0;
  }

  get hosts(): readonly string[] {
    return [...this.#totals.keys()];
  }

  get containers(): Iterable<ContainerCount> {
    return this.#counts.values();
  }

  toSave(host: string): SavedCounts {
    const own = [...this.#counts.values()].filter((count) => count.host === host);
    return {
      total: this.totalOf(host),
      containers: Object.fromEntries(own.map(({ container, count, at }) => [container, { count, at }])),
      counted: this.#counted.get(host) ?? [],
    };
  }

  forgetHost(host: string): void {
    for (const [key, count] of this.#counts) if (count.host === host) this.#counts.delete(key);
    this.#totals.delete(host);
    this.#counted.delete(host);
  }

  forgetContainersBefore(time: number): void {
    for (const [key, { at }] of this.#counts) if (at < time) this.#counts.delete(key);
  }
}

const keyOf = (host: string, container: string): string => JSON.stringify([host, container]);
