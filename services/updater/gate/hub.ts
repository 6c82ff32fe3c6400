// The hub of a fleet, as seen from a host whose own NATS is a leaf node of it. Participants are written at the hub
// and mirrored here, so the mirror shows the state of the hub: the server hears from the hub once a second. While it
// does not, nobody who is connected to the hub can be asked, and the list of participants may have changed.
import type { JetStreamManager } from "@nats-io/jetstream";
import { millis } from "nats";
import type { Clock } from "../../../shared/clock.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import { BUCKETS } from "../../../shared/contract/subjects.ts";

/**
 * After this much silence the hub is out of reach. A server that finds it again takes up to half a minute to go on.
 */
export const AWAY_AFTER_MS = 10_000;
/** However busy a gate is, the server is not asked more often about a hub that is in reach. */
const CHECK_INTERVAL_MS = 2000;

export class Hub {
  readonly name: string;
  /** What the owner wants while the hub is away. */
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
    return `the hub is out of reach (NATS_HUB=${this.name}, NATS_HUB_AWAY=${this.away})`;
  }

  /** Always false if there is no hub. */
  async isAway(): Promise<boolean> {
    if (this.name === "") return false;
    const now = this.#clock.monotonic();
    const isSilent = (): boolean => now - this.#heardAt > AWAY_AFTER_MS;
    if (isSilent() || now - this.#lookedAt >= CHECK_INTERVAL_MS) {
      this.#lookedAt = now;
      this.#heardAt = Math.max(this.#heardAt, now - (await this.#silentFor()));
    }
    return isSilent();
  }

  /** Milliseconds since the server heard from the hub; infinite if it has not yet. */
  async #silentFor(): Promise<number> {
    const found = await this.#manager.streams.info(`KV_${BUCKETS.participants}`).catch(() => undefined);
    const active = found?.mirror?.active ?? -1; // nanoseconds; -1 until the server hears from the hub
    return active < 0 ? Number.POSITIVE_INFINITY : millis(active);
  }
}
