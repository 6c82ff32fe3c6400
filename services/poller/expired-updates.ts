// An update that ended as expired was planned on what is not so any more: its container is looked at anew, soon.
import { parseRunRecord } from "../../shared/contract/run-records.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import type { Polling } from "./polling.ts";

/** However many expire, not more often. Milliseconds. */
const AT_MOST_EVERY_MS = 60_000;

/** Calls `look` when an update of the host has expired, until disposed of. */
export function watchExpiredUpdates({ nats, host, clock }: Polling, look: () => void): Disposable {
  let last = Number.NEGATIVE_INFINITY;
  const heard = nats.subscribe(subjects.run(host.name, "*"), {
    callback: (error, message) => {
      const record = error === null ? parseRunRecord(message.string()) : undefined;
      if (record?.kind !== "ended" || record.end !== "expired") return;
      if (clock.monotonic() - last < AT_MOST_EVERY_MS) return;
      last = clock.monotonic();
      look();
    },
  });
  return { [Symbol.dispose]: () => heard.unsubscribe() };
}
