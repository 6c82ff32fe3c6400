// Which hosts are gone for so long that nothing is said of them any more. Pure.
import type { Clock } from "./clock.ts";

/** Long enough for a NATS that comes back without its buckets. */
export const FORGET_HOST_MS = 3_600_000;

export class AbsentHosts {
  readonly #clock: Pick<Clock, "monotonic" | "now">;
  readonly #since = new Map<string, number>();

  /** `known` is what `since` gave an earlier process. */
  constructor(clock: Pick<Clock, "monotonic" | "now">, known: ReadonlyMap<string, number> = new Map()) {
    this.#clock = clock;
    for (const [host, at] of known) this.#since.set(host, clock.monotonic() - Math.max(clock.now() - at, 0));
  }

  /** Since when hosts have had no entry. Milliseconds since 1970. */
  get since(): ReadonlyMap<string, number> {
    const { now, monotonic } = this.#clock;
    return new Map([...this.#since].map(([host, at]) => [host, Math.round(now() - (monotonic() - at))]));
  }

  /** Those of `hosts` that have had no entry for an hour. */
  findGone(
    hosts: ReadonlySet<string>,
    entries: { readonly has: (host: string) => boolean },
  ): readonly string[] {
    const now = this.#clock.monotonic();
    for (const host of this.#since.keys())
      if (entries.has(host) || !hosts.has(host)) this.#since.delete(host);
    for (const host of hosts) if (!entries.has(host) && !this.#since.has(host)) this.#since.set(host, now);
    return [...this.#since].filter(([, since]) => now - since >= FORGET_HOST_MS).map(([host]) => host);
  }
}
