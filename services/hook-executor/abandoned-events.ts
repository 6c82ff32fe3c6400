// Whether an event that arrives late still needs an answer: one that was published before this process started, or a
// while ago. Scripts do not run for an update that is over, nor for an event that the hook-executor was not asked
// about. The run's journal has the facts.
import type { JetStreamManager } from "@nats-io/jetstream";
import type { Clock } from "../../shared/clock.ts";
import { getLastMessage, readMessages } from "../../shared/nats/jetstream.ts";
import { type RunRecord, isPastPlan, parseRunRecord } from "../../shared/contract/run-records.ts";
import { STREAMS, executorParticipant, subjects } from "../../shared/contract/subjects.ts";
import type { HookEvent } from "./hook-event.ts";

/** An event this old is looked up in the journal, even if this process was running when it was published. */
const STALE_AFTER_MS = 10_000;

/** Undefined where a gate may still wait. `records` are the readable records of the run's journal. Pure. */
export function whyAbandoned(
  { id, hook, host, data: { asked } }: HookEvent,
  records: readonly RunRecord[],
): string | undefined {
  const own = executorParticipant(host);
  if (asked !== undefined && !asked.includes(own)) return NOT_ASKED;
  if (records.some(({ kind }) => kind === "finished")) return "its run is over";
  if (records.some((record) => record.kind === "decided" && record.event === id))
    return "it was decided without";
  const waiting = records.find((record) => record.kind === "waiting" && record.event === id);
  if (waiting?.kind === "waiting")
    return waiting.participants.some(({ name }) => name === own) ? undefined : NOT_ASKED;
  // A plan is published before its gate opens, so a missing record may only mean that the run is not that far yet.
  return hook === "updates_enumerated" && isPastPlan(records) ? NOT_ASKED : undefined;
}

const NOT_ASKED = "no hook-executor was asked: HOOK_EXECUTOR was off";

interface JournalAccess {
  readonly manager: JetStreamManager;
  readonly clock: Clock;
  /** When this process started, milliseconds since 1970. */
  readonly since: number;
}

/** Why a delivered event needs no answer; undefined where a gate may still wait. */
export async function whyNobodyWaits(
  event: HookEvent,
  { manager, clock, since }: JournalAccess,
): Promise<string | undefined> {
  if (event.storedAt >= since && clock.now() - event.storedAt < STALE_AFTER_MS) return undefined;
  // NATS permissions written for an earlier version do not allow reading the journal.
  return whyAbandoned(event, await recordsOf(event, manager).catch(() => []));
}

/** The records of the event's run; of a finished run only the last record. */
async function recordsOf({ host, data }: HookEvent, manager: JetStreamManager): Promise<RunRecord[]> {
  const subject = subjects.run(host, data.run);
  const last = parseRunRecord((await getLastMessage(manager, STREAMS.runs, subject))?.string());
  if (last?.kind === "finished") return [last];
  const records: RunRecord[] = [];
  for await (const message of readMessages(manager, STREAMS.runs, subject)) {
    const record = parseRunRecord(message.string());
    if (record !== undefined) records.push(record);
  }
  return records;
}
