// Turns the verdicts of the participants into a decision. Pure.
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";
import type { Verdict } from "../../../shared/contract/messages.ts";
import { type AskedParticipant, OPERATOR, verdictOfSilence } from "../../../shared/contract/participants.ts";
import type { DecisionRecord, RecordedVerdict } from "../../../shared/contract/run-records.ts";
import { heaviestOf, outweighs } from "../../../shared/contract/verdict-precedence.ts";
import { type CastVote, countVotes } from "./votes.ts";

/** The verdict of one participant, or the verdict that its timeout counts as. */
export interface ReceivedVerdict extends RecordedVerdict {
  readonly full: Verdict;
}

export type Decision = Pick<
  DecisionRecord,
  "verdict" | "by" | "reason" | "retry_after_s" | "containers" | "verdicts"
>;

/**
 * The operator's verdict counts alone. Otherwise the heaviest verdict wins. A hook that cannot be refused proceeds; the
 * verdicts are recorded.
 */
export function decide(
  hook: HookName,
  heard: readonly ReceivedVerdict[],
  asked: readonly AskedParticipant[] = [],
): Decision {
  const verdicts = heard.map(({ full: _, ...recorded }) => shortenReason(recorded, heard.length));
  const operator = heard.find(({ participant }) => participant === OPERATOR);
  const counting: readonly CastVote[] = operator === undefined ? countVotes(heard, asked) : [operator];
  const heaviest = heaviestOf(counting, ({ full }) => full.verdict);
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

/** The length of all reasons of a record together, in characters: keeps the record below the journal's 256 KiB. */
const MAX_REASONS_LENGTH = 24_000;

function shortenReason<T extends { readonly reason?: string | undefined }>(vote: T, count: number): T {
  const most = Math.max(50, Math.floor(MAX_REASONS_LENGTH / count));
  const { reason } = vote;
  return reason === undefined || reason.length <= most
    ? vote
    : { ...vote, reason: `${reason.slice(0, most - 1)}…` };
}

/** At updates_enumerated: the heaviest verdict for each container that anyone named. */
function mergeContainerVerdicts(votes: readonly CastVote[]): Pick<Decision, "containers"> {
  const named = new Map<string, NonNullable<Decision["containers"]>[string]>();
  for (const { participant, full } of votes) {
    for (const [name, answer] of Object.entries(full.containers ?? {})) {
      const before = named.get(name);
      if (before === undefined || outweighs(answer.verdict, before.verdict))
        named.set(name, { ...answer, by: participant });
    }
  }
  const short = [...named].map(([name, answer]) => [name, shortenReason(answer, named.size)] as const);
  return named.size > 0 ? { containers: Object.fromEntries(short) } : {};
}

/** The verdict that a timeout counts as. `isOff`: HOOK_EXECUTOR was turned off. */
export function makeTimeoutVerdict(
  hook: HookName,
  asked: AskedParticipant,
  { ms, isOff }: { readonly ms: number; readonly isOff: boolean },
): ReceivedVerdict {
  const verdict = verdictOfSilence(hook, asked);
  const reason = isOff
    ? `${asked.name} had not answered when HOOK_EXECUTOR was turned off`
    : `${asked.name} gave no verdict and no sign of progress in time (${Math.round(ms / 1000)} s)`;
  return { participant: asked.name, verdict, reason, ms, timed_out: true, full: { verdict, reason } };
}
