// Collects the container names of every Engine of this program. Only when all Engines have been listed is it certain
// that a name in a setting matches no container.
export class ContainerNames {
  readonly #engines: number;
  readonly #names = new Map<string, readonly string[]>();
  #isReported = false;
  constructor(engines: number) {
    this.#engines = engines;
  }

  /** Returns all names exactly once: when the last Engine has been listed for the first time. Otherwise undefined. */
  addNames(engine: string, names: readonly string[]): readonly string[] | undefined {
    this.#names.set(engine, names);
    if (this.#isReported || this.#names.size < this.#engines) return undefined;
    this.#isReported = true;
    return [...this.#names.values()].flat();
  }
}
