// What an updater has in hand: one thing at a time, a plan or a repair, and whoever asks is told.
import { Semaphore } from "./semaphore.ts";

export class ExclusiveWork {
  readonly #turns = new Semaphore(1);
  #inHand = 0;

  get isBusy(): boolean {
    return this.#inHand > 0;
  }

  /** Waits for what is in hand. Busy from the call on. */
  async runAlone<T>(work: () => Promise<T>): Promise<T> {
    this.#inHand += 1;
    try {
      using _turn = await this.#turns.take();
      return await work();
    } finally {
      this.#inHand -= 1;
    }
  }
}
