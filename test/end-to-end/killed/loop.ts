// Batches on several hosts side by side.
import { type Batch, type Outcome, PROGRAMS, type Programs, publishImages, runBatch } from "./batch.ts";

export interface Ran {
  readonly batch: Batch;
  readonly host: number;
  readonly outcomes: readonly Outcome[];
}

/** For each host, by its number in the bed, its batches one after the other. */
export type Queues = ReadonlyMap<number, readonly Batch[]>;

/** A batch that fails as a whole fails in each case. */
export async function runAll(
  queues: Queues,
  ran: (one: Ran) => void,
  programs: Programs = PROGRAMS,
): Promise<void> {
  await publishImages();
  const working = [...queues].map(async ([host, batches]) => {
    for (const batch of batches) {
      const outcomes = await runBatch(host, batch, programs).catch((error: unknown) => failed(batch, error));
      ran({ batch, host, outcomes });
    }
  });
  await Promise.all(working);
}

/** In turn: the first batch to the first host, the second to the second. */
export const dealt = (batches: readonly Batch[], hosts: readonly number[]): Queues =>
  new Map(hosts.map((host, place) => [host, batches.filter((_, index) => index % hosts.length === place)]));

const failed = ({ cases }: Batch, error: unknown): Outcome[] =>
  cases.map(() => ({
    ms: 0,
    wrong: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
  }));
