// The journal as commands read it.
import type { HookName } from "../../shared/contract/hooks.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { OpenRecord, type RunRecord, parseRunRecord } from "../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { isToken } from "../../shared/contract/subject-tokens.ts";
import { type Fleet, replay } from "./fleet.ts";

export type RecordOf<K extends RunRecord["kind"]> = RunRecord & { readonly kind: K };

/** The run that is under way on a host; its updater may have died in it. */
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

/** Records of a kind on one host or all, since then (milliseconds since 1970), in order. */
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

/** How an event was decided, by its whole id; undefined where it is none, or is not decided. */
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
