// Which gates wait at the exporter's start, from the journals of the runs under way: their records were acknowledged
// by an earlier process.
import { parseJson } from "../../shared/contract/messages.ts";
import { OpenRecord, type RunRecord } from "../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { explain } from "../../shared/errors.ts";
import { getLastMessage, readMessages } from "../../shared/nats/jetstream.ts";
import type { RunRecordReader } from "../../shared/nats/run-record-reader.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import type { Tally } from "./tally.ts";

interface PendingReader {
  readonly observing: Observing;
  readonly tally: Tally;
  readonly readRecord: RunRecordReader;
}

export async function restorePending(
  { observing, tally, readRecord }: PendingReader,
  hosts: Iterable<string>,
): Promise<void> {
  const { manager, log } = observing;
  for (const host of hosts) {
    try {
      const last = await getLastMessage(manager, STREAMS.runs, subjects.open(host));
      const { run } = OpenRecord.safeParse(parseJson(last?.string() ?? "")).data ?? { run: null };
      if (run === null) continue;
      const records: RunRecord[] = [];
      for await (const message of readMessages(manager, STREAMS.runs, subjects.run(host, run))) {
        const record = readRecord(message);
        if (record !== undefined) records.push(record);
      }
      tally.restorePending(records);
    } catch (error) {
      log.debug({ host, because: explain(error) }, "the run under way cannot be read");
    }
  }
}
