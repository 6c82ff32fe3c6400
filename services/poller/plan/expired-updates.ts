// An update that ended as `expired` was planned from an outdated snapshot: the poller plans again soon.
import { parseRunRecord } from "../../../shared/contract/run-records.ts";
import { subjects } from "../../../shared/contract/subjects.ts";
import type { Polling } from "../polling.ts";

/** The least time between two calls, however many updates expire. */
const MIN_INTERVAL_MS = 60_000;

/** Calls `pollAgain` when an update of the host has expired, until disposed of. */
export function watchExpiredUpdates({ nats, host, clock }: Polling, pollAgain: () => void): Disposable {
  let last = Number.NEGATIVE_INFINITY;
  const subscription = nats.subscribe(subjects.run(host.name, "*"), {
    callback: (error, message) => {
      const record = error === null ? parseRunRecord(message.string()) : undefined;
      if (record?.kind !== "ended" || record.end !== "expired") return;
      if (clock.monotonic() - last < MIN_INTERVAL_MS) return;
      last = clock.monotonic();
      pollAgain();
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}
