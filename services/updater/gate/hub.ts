// The hub of a fleet, as seen from a host whose own NATS is a leaf node of it. Who is asked is written at the hub and
// mirrored here, so the mirror tells: the server hears of the hub once a second, and while it does not, nobody who is
// connected to the hub can be asked, and who is asked may have changed.
import type { JetStreamManager } from "@nats-io/jetstream";
import { millis } from "nats";
import type { Clock } from "../../../shared/clock.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import { BUCKETS } from "../../../shared/contract/subjects.ts";

/** Silent for so long the hub is out of reach. A server that finds it again takes up to half a minute to go on. */
export const AWAY_AFTER_MS = 10_000;
/** While a gate is busy the server is not asked about a hub that is there more often. */
const LOOK_AGAIN_MS = 2000;

export class Hub {
  readonly name: string;
  /** What the owner wants while it is away. */
  readonly away: Settings["NATS_HUB_AWAY"];
  readonly #manager: JetStreamManager;
  readonly #clock: Clock;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #heardAt: number;

  constructor(
    manager: JetStreamManager,
    settings: Pick<Settings, "NATS_HUB" | "NATS_HUB_AWAY">,
    clock: Clock,
  ) {
    this.name = settings.NATS_HUB;
    this.away = settings.NATS_HUB_AWAY;
    this.#manager = manager;
    this.#clock = clock;
    this.#heardAt = clock.monotonic();
  }

  get trouble(): string {
    return `the hub ${this.name} is out of reach (NATS_HUB_AWAY=${this.away})`;
  }

  /** Never, where there is none. */
  async isAway(): Promise<boolean> {
    if (this.name === "") return false;
    const now = this.#clock.monotonic();
    const isSilent = (): boolean => now - this.#heardAt > AWAY_AFTER_MS;
    if (isSilent() || now - this.#lookedAt >= LOOK_AGAIN_MS) {
      this.#lookedAt = now;
      this.#heardAt = Math.max(this.#heardAt, now - (await this.#silentFor()));
    }
    return isSilent();
  }

  /** Milliseconds; infinite where this process has heard nothing of it yet. */
  async #silentFor(): Promise<number> {
    const found = await this.#manager.streams.info(`KV_${BUCKETS.participants}`).catch(() => undefined);
    const active = found?.mirror?.active ?? -1; // nanoseconds; -1 until the server hears of it
    return active < 0 ? Number.POSITIVE_INFINITY : millis(active);
  }
}
