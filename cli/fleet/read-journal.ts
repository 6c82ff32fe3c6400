// Reads the journal for an operator's command.
import type { HookName } from "../../shared/contract/hooks.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { OpenRecord, type RunRecord, parseRunRecord } from "../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { isToken } from "../../shared/contract/subject-tokens.ts";
import { type Fleet, replay } from "./fleet.ts";

export type RecordOf<K extends RunRecord["kind"]> = RunRecord & { readonly kind: K };

/** The open run of a host. Its updater may have died during the run. */
export async function findOpenRun({ manager }: Fleet, host: string): Promise<string | undefined> {
  const last = await getLastMessage(manager, STREAMS.runs, subjects.open(host));
  return OpenRecord.safeParse(parseJson(last?.string() ?? "")).data?.run ?? undefined;
}

/** All records of one run, in order. */
export async function readRunRecords(fleet: Fleet, host: string, run: string): Promise<RunRecord[]> {
  const records: RunRecord[] = [];
  for await (const message of replay(fleet, STREAMS.runs, { filters: [subjects.run(host, run)] })) {
    const record = parseRunRecord(message.string());
    if (record !== undefined) records.push(record);
  }
  return records;
}

/** Records of one kind, on one host or all, since a time in milliseconds since 1970, in order. */
export async function* readRecordsSince<K extends RunRecord["kind"]>(
  fleet: Fleet,
  kind: K,
  { host, since }: { readonly host?: string | undefined; readonly since: number },
): AsyncGenerator<RecordOf<K>, void> {
  const filters = [host === undefined ? "ouroboros.run.*.*" : subjects.run(host, "*")];
  for await (const message of replay(fleet, STREAMS.runs, { filters, since })) {
    const record = parseRunRecord(message.string());
    if (record?.kind === kind) yield record as RecordOf<K>;
  }
}

/** `before_update of web`, `updates_enumerated`. */
export const hookText = ({
  hook,
  container,
}: {
  readonly hook: HookName;
  readonly container: string | null;
}): string => (container === null ? hook : `${hook} of ${container}`);

/** The decision of the event with this full id; undefined where there is no such event, or it is undecided. */
export async function findDecision(
  fleet: Fleet,
  event: string,
  hosts: readonly string[],
): Promise<RecordOf<"decided"> | undefined> {
  const [run = ""] = /^[^-]+(?=-)/.exec(event) ?? [];
  if (!isToken(run)) return undefined;
  for (const host of hosts)
    for (const record of await readRunRecords(fleet, host, run))
      if (record.kind === "decided" && record.event === event) return record;
  return undefined;
}
