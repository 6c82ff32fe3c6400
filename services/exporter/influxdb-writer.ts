// Writes points until InfluxDB takes them. Meanwhile the message that they come from stays in its stream. Says once that
// InfluxDB is away, and once that it is back.
import type { Logger } from "pino";
import type { Clock } from "../../shared/clock.ts";
import { Suspended } from "../../shared/errors.ts";
import { Backoff } from "../../shared/retry.ts";
import type { InfluxdbClient, WriteResult } from "./influxdb-client.ts";
import type { Point } from "./influxdb-points.ts";

interface WriterOptions {
  readonly client: InfluxdbClient;
  readonly log: Logger;
  readonly clock: Clock;
}

const PAUSES = { first: 500, most: 10_000 };

export class InfluxdbWriter {
  readonly #options: WriterOptions;
  readonly #refusals = new Set<string>();
  #isAway = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Says at the start what would go wrong later. */
  async check(): Promise<void> {
    this.#report(await this.#options.client.check());
  }

  /**
   * Resolves when the points are written, or refused for good. `time` is in milliseconds since 1970.
   * @throws Suspended when the signal aborts first.
   */
  async write(points: readonly Point[], time: number, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    for (const backoff = new Backoff(clock, PAUSES); ;) {
      const result = await client.write(points, time);
      this.#report(result);
      if (result.kind !== "away") return;
      if (signal.aborted) throw new Suspended(`stopped while InfluxDB was away: ${result.because}`);
      await backoff.pause(signal);
    }
  }

  #report(result: WriteResult): void {
    const { client, log } = this.#options;
    const fields = { influxdb: client.address };
    switch (result.kind) {
      case "away":
        if (!this.#isAway)
          log.warn(
            { ...fields, because: result.because },
            "InfluxDB takes no points; they wait in NATS until it does",
          );
        this.#isAway = true;
        return;
      case "refused":
        if (!this.#refusals.has(result.because) && this.#refusals.size < MAX_REFUSALS)
          log.warn({ ...fields, because: result.because }, "InfluxDB refuses a point; it is left out");
        this.#refusals.add(result.because);
        return;
      case "written":
        if (this.#isAway) log.info(fields, "InfluxDB takes points again");
        this.#isAway = false;
    }
  }
}

/** A field of another type is refused with each point: that is said once. */
const MAX_REFUSALS = 20;
