// Remembers the last ids: a message may be delivered twice, and counts once. Pure.

/** More than can be delivered again: a consumer has at most 256 messages under way. */
const MAX_IDS = 2000;

export class RecentIds {
  readonly #ids = new Set<string>();

  /** Whether the id is new. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > MAX_IDS) for (const oldest of this.#ids) return this.#ids.delete(oldest);
    return true;
  }
}
