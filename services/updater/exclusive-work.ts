// Runs one piece of work at a time, a plan or a repair, and tells whether there is any.
import { Semaphore } from "./semaphore.ts";

export class ExclusiveWork {
  readonly #semaphore = new Semaphore(1);
  #count = 0;

  get isBusy(): boolean {
    return this.#count > 0;
  }

  /** Waits for earlier work to end. `isBusy` is true from the call on. */
  async runAlone<T>(work: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      using _turn = await this.#semaphore.take();
      return await work();
    } finally {
      this.#count -= 1;
    }
  }
}
