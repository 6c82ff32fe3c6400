// Batches on several hosts side by side. NODE_DEBUG=killed tells how each one went, as it goes.
import { debuglog } from "node:util";
import { engine } from "../../bed/bed.ts";
import { type Batch, type Outcome, PROGRAMS, type Programs, runBatch } from "./run-batch.ts";
import { titleOf } from "./choose-cases.ts";
import { clear, publishImages } from "./deploy.ts";
import { faultNames } from "./faults.ts";
import { openSession } from "./session.ts";

export interface BatchResult {
  readonly batch: Batch;
  readonly host: number;
  readonly outcomes: readonly Outcome[];
}

/** For each host, by its number in the bed, its batches one after the other. */
export type Queues = ReadonlyMap<number, readonly Batch[]>;

const debug = debuglog("killed");

/** Batches of one fault have NATS and the services around the updater in common, for as long as all is well. */
export async function runBatches(
  queues: Queues,
  ran: (one: BatchResult) => void,
  programs: Programs = PROGRAMS,
): Promise<void> {
  await publishImages();
  const working = [...queues].map(async ([host, batches]) => {
    await clear(engine(host)); // what a run that was broken off left
    let left: readonly Batch[] = batches.toSorted(byFault);
    while (left.length > 0) left = await runSession(host, left, { ran, programs });
  });
  await Promise.all(working);
}

const byFault = (one: Batch, other: Batch): number =>
  faultNames.indexOf(one.fault) - faultNames.indexOf(other.fault);

/** Resolves with the batches that are left: those of another fault, or all after one that went wrong. */
async function runSession(
  host: number,
  batches: readonly Batch[],
  { ran, programs }: { readonly ran: (one: BatchResult) => void; readonly programs: Programs },
): Promise<readonly Batch[]> {
  await using session = await openSession(host);
  for (const [index, batch] of batches.entries()) {
    if (batch.fault !== batches[0]?.fault) return batches.slice(index);
    const from = performance.now();
    const outcomes = await runBatch(session, batch, programs).catch((error: unknown) => failed(batch, error));
    debug("%s", summaryText({ batch, host, outcomes }, performance.now() - from));
    ran({ batch, host, outcomes });
    if (outcomes.some(({ wrong }) => wrong.length > 0)) return batches.slice(index + 1);
  }
  return [];
}

const failed = ({ cases }: Batch, error: unknown): Outcome[] =>
  cases.map(() => ({
    ms: 0,
    wrong: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
  }));

function summaryText({ batch, host, outcomes }: BatchResult, ms: number): string {
  const wrong = outcomes.flatMap((outcome, index) => {
    const one = batch.cases[index];
    return one === undefined || outcome.wrong.length === 0 ? [] : [titleOf(one), ...outcome.wrong];
  });
  const head = `h${host} ${batch.fault} ${batch.cases[0]?.point.says ?? ""}: ${batch.cases.length} cases`;
  return [`${head}, ${Math.round(ms)} ms, recovered in ${outcomes[0]?.ms ?? 0} ms`, ...wrong].join("\n  ");
}
