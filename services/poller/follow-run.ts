// Waits for the end of runs, for RUN_ONCE. The truth is the RUNS stream, read every second; the subscription is only
// the doorbell.
import { explain } from "../../shared/errors.ts";
import { nextOn } from "../../shared/jetstream.ts";
import { CODE } from "../../shared/one-cycle.ts";
import { type End, recordIn } from "../../shared/run-records.ts";
import { STREAMS, subjects } from "../../shared/subjects.ts";
import { Bell } from "./bell.ts";
import type { Polling } from "./polling.ts";

const LOOK_MS = 1000;

export interface Runs extends Disposable {
  /** The ends of its containers, by name; undefined when the signal aborts first. */
  readonly endsOf: (run: string) => Promise<Readonly<Record<string, End>> | undefined>;
}

/** Open it before the plan is published, so that no record is heard late. */
export function followRuns(polling: Polling): Runs {
  const { nats, host } = polling;
  const bell = new Bell();
  const heard = nats.subscribe(subjects.run(host.name, "*"), { callback: () => bell.ring() });
  return {
    endsOf: (run) => endsOf(polling, bell, run),
    [Symbol.dispose]: () => heard.unsubscribe(),
  };
}

async function endsOf(polling: Polling, bell: Bell, run: string): Promise<Record<string, End> | undefined> {
  const { manager, host, log, clock, signal } = polling;
  const subject = subjects.run(host.name, run);
  for (let seq = 1; !signal.aborted;) {
    const rung = bell.signal;
    try {
      const message = await nextOn(manager, STREAMS.runs, subject, seq);
      if (message !== undefined) {
        seq = message.seq + 1;
        const ends = endsIn(message.string());
        if (ends !== undefined) return ends;
        continue;
      }
    } catch (err) {
      log.debug({ run, because: explain(err) }, "run cannot be read");
    }
    await clock.sleep(LOOK_MS, AbortSignal.any([signal, rung]));
  }
  return undefined;
}

function endsIn(text: string): Record<string, End> | undefined {
  const record = recordIn(text);
  return record?.kind === "finished" ? record.ends : undefined;
}

/** What RUN_ONCE exits with: 2 where a person is needed, 1 where an update did not come about, else 0. */
export function exitCodeOf(ends: readonly End[]): number {
  if (ends.includes("stuck")) return CODE.person;
  return ends.some((end) => end === "failed" || end === "rolled_back") ? CODE.failed : CODE.done;
}
