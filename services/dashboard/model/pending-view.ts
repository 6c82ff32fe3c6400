// The events whose verdicts are awaited: who was asked, who said what, and until when. From the journal, the verdicts
// that have come meanwhile, and what the event says. Pure.
import { iso } from "../../../shared/clock.ts";
import type { VerdictWord } from "../../../shared/contract/messages.ts";
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";
import type { AskedParticipant } from "../../../shared/contract/participants.ts";
import type { RunRecord } from "../../../shared/contract/run-records.ts";

export interface AskedView {
  readonly name: string;
  /** When its time is over unless it reports progress; progress is not stored. */
  readonly until: string;
  /** When it is over in any case. */
  readonly at_most: string;
  readonly on_timeout: VerdictWord;
  readonly advisory: boolean;
  readonly group: string | null;
  readonly said?: { readonly verdict: VerdictWord; readonly reason: string; readonly at: string };
}

/** Images before and after, as far as the event says. */
export interface PlannedChange {
  readonly container: string;
  readonly image: string;
  readonly from: string;
  readonly to: string;
}

export interface PendingView {
  readonly event: string;
  readonly host: string;
  readonly run: string;
  readonly hook: HookName;
  readonly container: string | null;
  readonly since: string;
  /** Only `proceed` has an effect. */
  readonly only_proceed: boolean;
  readonly asked: readonly AskedView[];
  readonly changes: readonly PlannedChange[];
}

/** An event's id is the word of its host: another host may have written the same. */
export const pendingKey = (host: string, event: string): string => `${host}/${event}`;

type UndecidedRecord = RunRecord & { readonly kind: "waiting" };

export const pendingOf = (record: UndecidedRecord): PendingView => ({
  event: record.event,
  host: record.host,
  run: record.run,
  hook: record.hook,
  container: record.container,
  since: record.at,
  only_proceed: hooks[record.hook].refusal === null,
  asked: record.participants.map((asked) => askedOf(asked, record)),
  changes: [],
});

function askedOf(
  { name, timeout_ms, max_ms, on_timeout, advisory, group }: AskedParticipant,
  { at, hook, at_most_ms = Number.POSITIVE_INFINITY }: UndecidedRecord,
): AskedView {
  const start = Date.parse(at);
  const maxMs = Math.min(max_ms, at_most_ms, LONGEST_MS);
  return {
    name,
    until: iso(start + Math.min(timeout_ms, maxMs)),
    at_most: iso(start + maxMs),
    on_timeout: hooks[hook].phase === "after" ? "proceed" : on_timeout,
    advisory: advisory ?? false,
    group: group ?? null,
  };
}

/** Keeps a time within what a date can be, whatever a record says. */
const LONGEST_MS = 366 * 86_400_000;

export interface HeardVerdict {
  readonly participant: string;
  readonly verdict: VerdictWord;
  readonly reason: string;
  readonly at: string;
}

/** The first verdict of each participant that was asked counts, as at the gate. */
export function withVerdict(view: PendingView, { participant, ...said }: HeardVerdict): PendingView {
  const asked = view.asked.map((one) =>
    one.name === participant && one.said === undefined ? { ...one, said } : one,
  );
  return { ...view, asked };
}
