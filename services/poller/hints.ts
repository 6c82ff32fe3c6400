// What tells the poller to look at something before its next cycle: a registry that reports a push (the command `hint`), or
// a container that starts. A hint decides nothing: it leads to a cycle for the containers it is about, which asks
// the registry like any other.
//
// However many hints come, and whoever sends them: they are collected for a moment, at most MAX_WAITING wait, and the
// same image or new containers are looked at no more often than the shortest INTERVAL would. A host with CRON keeps its times and hears none.
import { Collector } from "../../shared/collector.ts";
import type { ContainerFacts } from "../../shared/containers/container-facts.ts";
import { type PushedImage, nameOf } from "../../shared/contract/pushed-image.ts";
import { followAppearances } from "./follow-appearances.ts";
import type { Polling } from "./polling.ts";
import { RECENT_MS } from "./recent-answers.ts";
import { mayFollow } from "./seen-containers.ts";

/** `appeared` stands for all containers that no cycle has seen running. */
type Hint = PushedImage | "appeared";

export interface TakenHints {
  readonly images: readonly string[];
  readonly covers: (facts: ContainerFacts) => boolean;
  /** Answers younger than so many milliseconds are used again: none where something was pushed. */
  readonly recentMs: number;
}

const PACE = { quietMs: 2000, mostMs: 15_000, gapMs: 30_000 };
const MAX_WAITING = 500;

export class Hints implements Disposable {
  readonly #polling: Polling;
  readonly #collector: Collector<Hint>;
  readonly #appearances: Disposable | undefined;

  constructor(polling: Polling) {
    this.#polling = polling;
    this.#collector = new Collector({ ...PACE, ...polling, capacity: MAX_WAITING });
    if (this.#areHeard && polling.settings.CHECK_NEW)
      this.#appearances = followAppearances(polling, () => void this.#collector.add("", "appeared"));
  }

  /** Aborts when there is something to look at. */
  get due(): AbortSignal {
    return this.#collector.due;
  }

  /** How many of the images a container of this host may follow. */
  addImages(images: readonly PushedImage[]): number {
    if (!this.#areHeard) return 0;
    const followed = images.filter((image) => this.#polling.seen.mayFollow(image));
    return followed.filter((image) => this.#collector.add(nameOf(image), image)).length;
  }

  /** Undefined where nothing is due. */
  take(): TakenHints | undefined {
    const hints = [...this.#collector.take().values()];
    if (hints.length === 0) return undefined;
    const { settings, seen } = this.#polling;
    const images = hints.filter((hint) => hint !== "appeared");
    return {
      images: images.map(nameOf),
      covers: (facts) => !seen.has(facts.id) || images.some((image) => mayFollow(facts, image, settings)),
      recentMs: images.length === 0 ? RECENT_MS : 0,
    };
  }

  get #areHeard(): boolean {
    return this.#polling.settings.CRON === undefined;
  }

  [Symbol.dispose](): void {
    this.#appearances?.[Symbol.dispose]();
  }
}
