// Which hosts are gone for so long that nothing is said of them any more. Pure.
import type { Clock } from "./clock.ts";

/** Long enough for a NATS that comes back without its buckets. */
export const FORGET_HOST_MS = 3_600_000;

export class AbsentHosts {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #since = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
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
