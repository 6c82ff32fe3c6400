// Waits for runs to finish, for RUN_ONCE. The RUNS stream is read every second; the subscription only shortens the
// wait.
import { explain } from "../../shared/errors.ts";
import { getNextMessage } from "../../shared/nats/jetstream.ts";
import { EXIT_CODES } from "../../shared/runtime/one-cycle.ts";
import { type UpdateResult, parseRunRecord } from "../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { WakeSignal } from "../../shared/wake-signal.ts";
import type { Polling } from "./polling.ts";

const POLL_MS = 1000;

export interface RunResults extends Disposable {
  /** How the run ended for each container, by name; undefined when the signal aborts first. */
  readonly waitForResults: (run: string) => Promise<Readonly<Record<string, UpdateResult>> | undefined>;
}

/** Call it before the plan is published, so that no record arrives unnoticed. */
export function followRunResults(polling: Polling): RunResults {
  const { nats, host } = polling;
  const wakeSignal = new WakeSignal();
  const subscription = nats.subscribe(subjects.run(host.name, "*"), { callback: () => wakeSignal.wake() });
  return {
    waitForResults: (run) => waitForRunResults(polling, wakeSignal, run),
    [Symbol.dispose]: () => subscription.unsubscribe(),
  };
}

async function waitForRunResults(
  polling: Polling,
  wakeSignal: WakeSignal,
  run: string,
): Promise<Record<string, UpdateResult> | undefined> {
  const { manager, host, log, clock, signal } = polling;
  const subject = subjects.run(host.name, run);
  for (let seq = 1; !signal.aborted;) {
    const woken = wakeSignal.signal;
    try {
      const message = await getNextMessage(manager, STREAMS.runs, subject, seq);
      if (message !== undefined) {
        seq = message.seq + 1;
        const ends = resultsIn(message.string());
        if (ends !== undefined) return ends;
        continue;
      }
    } catch (err) {
      log.debug({ run, because: explain(err) }, "run cannot be read");
    }
    await clock.sleep(POLL_MS, AbortSignal.any([signal, woken]));
  }
  return undefined;
}

function resultsIn(text: string): Record<string, UpdateResult> | undefined {
  const record = parseRunRecord(text);
  return record?.kind === "finished" ? record.ends : undefined;
}

/** The exit code of RUN_ONCE: 2 where a person is needed, 1 where an update failed or was rolled back, else 0. */
export function exitCodeOf(ends: readonly UpdateResult[]): number {
  if (ends.includes("stuck")) return EXIT_CODES.person;
  return ends.some((end) => end === "failed" || end === "rolled_back") ? EXIT_CODES.failed : EXIT_CODES.done;
}
