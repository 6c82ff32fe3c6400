// Wakes a sleeper early. What it rings for is kept elsewhere, so a ring that nobody hears is no loss.
export class WakeSignal {
  #ringing = new AbortController();

  /** Aborts at the next ring. Take it before looking at what the bell rings for, so that no ring is missed. */
  get signal(): AbortSignal {
    return this.#ringing.signal;
  }

  wake(): void {
    this.#ringing.abort();
    this.#ringing = new AbortController();
  }
}
