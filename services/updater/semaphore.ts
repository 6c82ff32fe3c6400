// A limited number of places, taken in the order they were asked for; who has stopped something for it goes first.

export class Semaphore {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves when a place is free; disposing gives it back. */
  async take({ first = false } = {}): Promise<Disposable> {
    if (this.#free > 0) this.#free -= 1;
    else
      await new Promise<void>((resolve) =>
        first ? this.#queue.unshift(resolve) : this.#queue.push(resolve),
      );
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.#release();
        held = false;
      },
    };
  }

  #release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
