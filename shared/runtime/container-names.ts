// The names of all containers, on every Engine of this program: only when each of them has been looked at is a name that a
// setting holds known to be nobody's.
export class ContainerNames {
  readonly #engines: number;
  readonly #names = new Map<string, readonly string[]>();
  #isTold = false;
  constructor(engines: number) {
    this.#engines = engines;
  }

  /** All names, once: when the last Engine has been looked at for the first time; before and after that undefined. */
  addNames(engine: string, names: readonly string[]): readonly string[] | undefined {
    this.#names.set(engine, names);
    if (this.#isTold || this.#names.size < this.#engines) return undefined;
    this.#isTold = true;
    return [...this.#names.values()].flat();
  }
}
