// Reads the records of a journal as an observer gets them, from the hosts of a whole fleet. NATS lets a host publish on
// its own subjects only; what a message says of itself is not checked by anyone else.
import type { Logger } from "pino";
import { type RunRecord, parseRunRecord } from "../contract/run-records.ts";
import { subjects } from "../contract/subjects.ts";

export type RunRecordReader = (message: RecordMessage) => RunRecord | undefined;

interface RecordMessage {
  readonly subject: string;
  readonly string: () => string;
}

/**
 * Undefined where the message is no record, and where it names another host or run than its subject. The log says the
 * latter once for each host.
 */
export function makeRunRecordReader(log: Pick<Logger, "warn" | "debug">): RunRecordReader {
  const reported = new Set<string>();
  return (message) => {
    const record = parseRunRecord(message.string());
    if (record === undefined || isOnItsSubject(record, message.subject)) return record;
    const [, , host = ""] = message.subject.split(".");
    log[reported.has(host) ? "debug" : "warn"](
      { subject: message.subject, host: record.host.slice(0, MAX_LOGGED) },
      "record ignored: it names another host or run than its subject; look for who may publish there",
    );
    reported.add(host);
    return undefined;
  };
}

const MAX_LOGGED = 100;

const isOnItsSubject = ({ host, run }: RunRecord, subject: string): boolean =>
  host !== "" && subject === subjects.run(host, run);
