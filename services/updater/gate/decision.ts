// From what the participants said to what happens. Pure.
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";
import type { Verdict, VerdictWord } from "../../../shared/contract/messages.ts";
import { type AskedParticipant, OPERATOR } from "../../../shared/contract/participants.ts";
import type { DecisionRecord, RecordedVerdict } from "../../../shared/contract/run-records.ts";
import { type CastVote, countVotes } from "./votes.ts";

/** What one participant said, or running out of time said for it. */
export interface ReceivedVerdict extends RecordedVerdict {
  readonly full: Verdict;
}

export type Decision = Pick<
  DecisionRecord,
  "verdict" | "by" | "reason" | "retry_after_s" | "containers" | "verdicts"
>;

const WEIGHT: Readonly<Record<VerdictWord, number>> = { proceed: 0, defer: 1, refuse: 2 };

/**
 * The operator's word counts alone. Else any refuse wins over any defer, which wins over proceed. What cannot be
 * refused proceeds, with the words kept.
 */
export function decide(
  hook: HookName,
  heard: readonly ReceivedVerdict[],
  asked: readonly AskedParticipant[] = [],
): Decision {
  const verdicts = heard.map(({ full: _, ...said }) => shortenReason(said, heard.length));
  const operator = heard.find(({ participant }) => participant === OPERATOR);
  const counting: readonly CastVote[] = operator === undefined ? countVotes(heard, asked) : [operator];
  const heaviest = counting.toSorted(
    (one, other) => WEIGHT[other.full.verdict] - WEIGHT[one.full.verdict],
  )[0];
  if (heaviest === undefined || heaviest.full.verdict === "proceed") {
    const by = operator && { by: OPERATOR, ...(operator.reason && { reason: operator.reason }) };
    return { verdict: "proceed", ...by, verdicts, ...mergeContainerVerdicts(counting) };
  }
  const { participant, full } = heaviest;
  const { verdict, reason = "no reason given", retry_after_s } = full;
  if (hooks[hook].refusal === null) {
    return {
      verdict: "proceed",
      by: participant,
      reason: `${verdict} of ${participant} has no effect here: ${reason}`,
      verdicts,
    };
  }
  return {
    verdict,
    by: participant,
    reason,
    ...(verdict === "defer" && retry_after_s !== undefined && { retry_after_s }),
    verdicts,
    ...mergeContainerVerdicts(counting),
  };
}

/** Of all reasons of a record, in characters: with them it stays below the journal's 256 KiB. */
const REASONS = 24_000;

function shortenReason<T extends { readonly reason?: string | undefined }>(said: T, among: number): T {
  const most = Math.max(50, Math.floor(REASONS / among));
  const { reason } = said;
  return reason === undefined || reason.length <= most
    ? said
    : { ...said, reason: `${reason.slice(0, most - 1)}…` };
}

/** At updates_enumerated: the heaviest verdict for each container that anyone named. */
function mergeContainerVerdicts(voices: readonly CastVote[]): Pick<Decision, "containers"> {
  const named = new Map<string, NonNullable<Decision["containers"]>[string]>();
  for (const { participant, full } of voices) {
    for (const [name, answer] of Object.entries(full.containers ?? {})) {
      const before = named.get(name);
      if (before === undefined || WEIGHT[answer.verdict] > WEIGHT[before.verdict])
        named.set(name, { ...answer, by: participant });
    }
  }
  const short = [...named].map(([name, answer]) => [name, shortenReason(answer, named.size)] as const);
  return named.size > 0 ? { containers: Object.fromEntries(short) } : {};
}

/** What running out of time counts as: at `after` hooks always as proceed. */
export function makeTimeoutVerdict(hook: HookName, asked: AskedParticipant, ms: number): ReceivedVerdict {
  const verdict = hooks[hook].phase === "after" ? "proceed" : asked.on_timeout;
  const reason = `${asked.name} gave no verdict and no sign of progress in time (${Math.round(ms / 1000)} s)`;
  return { participant: asked.name, verdict, reason, ms, timed_out: true, full: { verdict, reason } };
}
