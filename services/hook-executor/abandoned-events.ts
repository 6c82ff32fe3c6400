// Whether anybody may still wait for the answer to an event that came late: published before this process began, or a
// while ago. Scripts are not run for an update that is over, nor for one that they were not asked about; the journal of
// the run says so.
import type { JetStreamManager } from "@nats-io/jetstream";
import type { Clock } from "../../shared/clock.ts";
import { getLastMessage, readMessages } from "../../shared/nats/jetstream.ts";
import { type RunRecord, parseRunRecord } from "../../shared/contract/run-records.ts";
import { STREAMS, executorParticipant, subjects } from "../../shared/contract/subjects.ts";
import type { HookEvent } from "./hook-event.ts";

const STALE_AFTER_MS = 10_000;

/** Undefined where somebody may wait. `records`: what its run's journal holds, as far as it can be read. Pure. */
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
  // A plan is published before anybody is asked; the run may not have come so far.
  const isPlan = hook === "updates_enumerated";
  const isFar = records.some(({ kind }) => kind !== "begun" && kind !== "ended");
  return isPlan && isFar ? NOT_ASKED : undefined;
}

const NOT_ASKED = "no hook-executor was asked: HOOK_EXECUTOR was off";

interface JournalReading {
  readonly manager: JetStreamManager;
  readonly clock: Clock;
  /** When this process began, milliseconds since 1970. */
  readonly since: number;
}

/** The same of an event as it is delivered. */
export async function whyNobodyWaits(
  event: HookEvent,
  { manager, clock, since }: JournalReading,
): Promise<string | undefined> {
  if (event.storedAt >= since && clock.now() - event.storedAt < STALE_AFTER_MS) return undefined;
  // Rights that were written for an earlier version forbid to read it.
  return whyAbandoned(event, await recordsOf(event, manager).catch(() => []));
}

/** Of a run that is over the last record alone. */
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
