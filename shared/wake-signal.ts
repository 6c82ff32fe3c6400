// Ends a sleep early. It carries no data: what there is to do is kept elsewhere, so a missed wake-up loses nothing.
export class WakeSignal {
  #controller = new AbortController();

  /** Aborts at the next `wake`. Take it before you look for work, so that no wake-up is missed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  wake(): void {
    this.#controller.abort();
    this.#controller = new AbortController();
  }
}
