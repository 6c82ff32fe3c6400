// Several sources tell of one story, some a moment later than others: what they say is held back a little and then
// taken in the order in which it happened.

/** Longer than any source is late, on a machine that is not overwhelmed. */
const HELD_BACK_MS = 250;
const TIMERS_ARE_EARLY_MS = 5;

interface Held {
  readonly at: number;
  readonly take: () => void;
}

export class InOrder {
  readonly #held: Held[] = [];

  /** `at`: when it happened, milliseconds since 1970. */
  push(at: number, take: () => void): void {
    const later = this.#held.findIndex((other) => other.at > at);
    this.#held.splice(later < 0 ? this.#held.length : later, 0, { at, take });
    setTimeout(() => this.#takeDue(), HELD_BACK_MS);
  }

  #takeDue(): void {
    const until = Date.now() - HELD_BACK_MS + TIMERS_ARE_EARLY_MS;
    for (let first = this.#held[0]; first !== undefined && first.at <= until; first = this.#held[0]) {
      this.#held.shift();
      first.take();
    }
  }
}
