// A semaphore: a limited number of slots, granted in the order of the requests. A caller that has already stopped
// something for its slot asks with `first` and goes to the head of the queue.

export class Semaphore {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves when a slot is free. Disposing the result releases the slot. */
  async take({ first = false } = {}): Promise<Disposable> {
    if (this.#free > 0) this.#free -= 1;
    else
      await new Promise<void>((resolve) =>
        first ? this.#queue.unshift(resolve) : this.#queue.push(resolve),
      );
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#release();
        isHeld = false;
      },
    };
  }

  #release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/** A semaphore slot that is taken later, and released at the end of the scope at the latest. */
export class SemaphoreHold implements Disposable {
  #held: Disposable | undefined;

  take(slot: Disposable): void {
    this.#held = slot;
  }

  [Symbol.dispose](): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }
}
