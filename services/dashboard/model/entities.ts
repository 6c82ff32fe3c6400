// What the page shows, as values with a key. Each remembers which messages changed it last, so that a page gets what it
// has not seen yet, each thing once and as it is now: there is no log of changes to keep, and a page that was away for
// long gets no more than one that was not. Pure.
//
// E1  A value is sent to a page exactly if a message that changed it is newer than the page's position.
// E2  What was removed is remembered; a page from before the oldest of that has to begin anew.
import type { Position, ViewSource } from "./position.ts";
import { START, sources } from "./position.ts";

/** What a page can ask for. */
export const topics = ["hosts", "containers", "pending", "runs", "lines", "results", "participants"] as const;
export type Topic = (typeof topics)[number];

/** `value` is null where it was removed. */
export interface ViewChange {
  readonly topic: Topic;
  readonly key: string;
  readonly value: unknown;
}

type Stamp = Partial<Record<ViewSource, number>>;
interface Stamped {
  value: unknown;
  /** As JSON, to see whether it changed. */
  text: string;
  stamp: Stamp;
}

const MAX_REMOVED = 5000;

export class Entities {
  readonly #byTopic = new Map<Topic, Map<string, Stamped>>(topics.map((topic) => [topic, new Map()]));
  /** Keys of removed values, the oldest first. */
  readonly #removed = new Map<string, readonly [Topic, string]>();
  #oldest: Record<ViewSource, number> = { ...START };

  /** The message `seq` of `source` makes it this; null removes it. True where that is a change. */
  set({ topic, key, value }: ViewChange, source: ViewSource, seq: number): boolean {
    const all = this.#of(topic);
    const before = all.get(key);
    const text = JSON.stringify(value);
    if (before === undefined ? value === null : before.text === text) return false;
    const stamp = { ...before?.stamp, [source]: Math.max(seq, before?.stamp[source] ?? 0) };
    all.set(key, { value, text, stamp });
    const name = `${topic} ${key}`;
    this.#removed.delete(name);
    if (value === null) this.#removed.set(name, [topic, key]);
    if (this.#removed.size > MAX_REMOVED) this.#forgetRemoved();
    return true;
  }

  /** Drops a value that a page drops by itself: nobody is told. */
  drop(topic: Topic, key: string): void {
    this.#of(topic).delete(key);
  }

  get(topic: Topic, key: string): unknown {
    return this.#of(topic).get(key)?.value ?? undefined;
  }

  *all(topic: Topic): Generator<readonly [key: string, value: unknown], void> {
    for (const [key, { value }] of this.#of(topic)) if (value !== null) yield [key, value];
  }

  /** Undefined where the position is too old to say what was removed since. */
  changesSince(position: Position, wanted: ReadonlySet<Topic>): ViewChange[] | undefined {
    if (sources.some((source) => position[source] < this.#oldest[source])) return undefined;
    const changes: ViewChange[] = [];
    for (const topic of wanted)
      for (const [key, { value, stamp }] of this.#of(topic))
        if (isNewer(stamp, position)) changes.push({ topic, key, value });
    return changes;
  }

  /** All values that there are now. */
  snapshot(wanted: ReadonlySet<Topic>): ViewChange[] {
    return [...wanted].flatMap((topic) =>
      [...this.all(topic)].map(([key, value]) => ({ topic, key, value })),
    );
  }

  #forgetRemoved(): void {
    const [[name, [topic, key]] = ["", ["hosts", ""] as const]] = this.#removed;
    const stamp = this.#of(topic).get(key)?.stamp ?? {};
    this.#removed.delete(name);
    this.drop(topic, key);
    const oldest = { ...this.#oldest };
    for (const source of sources) oldest[source] = Math.max(oldest[source], stamp[source] ?? 0);
    this.#oldest = oldest;
  }

  #of(topic: Topic): Map<string, Stamped> {
    return this.#byTopic.get(topic) ?? new Map<string, Stamped>();
  }
}

const isNewer = (stamp: Stamp, position: Position): boolean =>
  sources.some((source) => (stamp[source] ?? 0) > position[source]);
