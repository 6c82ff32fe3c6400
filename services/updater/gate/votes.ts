// Decides which verdicts count, and for what. Pure.
//   - The verdict of an advisory participant is recorded, and counts for nothing.
//   - About a whole run, a participant that chose containers votes on those only.
//   - A group has one vote. It says proceed if `needs` of its members do, and refuse if too many have refused for
//     that; where others were too late or deferred, it says defer.
import { lookUp } from "../../../shared/look-up.ts";
import type { Verdict, VerdictWord } from "../../../shared/contract/messages.ts";
import type { AskedParticipant } from "../../../shared/contract/participants.ts";

/** The vote of one participant or of a group. */
export interface CastVote {
  readonly participant: string;
  readonly full: Verdict;
}

export function countVotes(votes: readonly CastVote[], asked: readonly AskedParticipant[]): CastVote[] {
  const entries = new Map(asked.map((participant) => [participant.name, participant]));
  const counting = votes
    .filter(({ participant }) => entries.get(participant)?.advisory !== true)
    .map(({ participant, full }) => ({
      participant,
      full: limitToContainers(full, entries.get(participant)?.only),
    }));
  const groupOf = ({ participant }: CastVote): string | undefined => entries.get(participant)?.group;
  const groups = [...new Set(counting.flatMap((vote) => groupOf(vote) ?? []))];
  return [
    ...counting.filter((vote) => groupOf(vote) === undefined),
    ...groups.map((name) =>
      mergeGroupVotes(
        groupIn(asked, name),
        counting.filter((vote) => groupOf(vote) === name),
      ),
    ),
  ];
}

interface VoterGroup {
  readonly name: string;
  readonly members: number;
  readonly needs: number;
}

function groupIn(asked: readonly AskedParticipant[], name: string): VoterGroup {
  const members = asked.filter(({ group, advisory }) => group === name && advisory !== true);
  const needs = Math.max(...members.map((member) => member.needs ?? members.length));
  return { name, members: members.length, needs };
}

/** Whether the members that have not voted yet can no longer change the vote of their group. */
export function isGroupDecided(
  name: string,
  votes: readonly CastVote[],
  asked: readonly AskedParticipant[],
): boolean {
  const members = asked.filter(({ group, advisory }) => group === name && advisory !== true);
  const groupVotes = votes.filter(({ participant }) => members.some((member) => member.name === participant));
  if (groupVotes.some(({ full }) => full.containers !== undefined))
    return groupVotes.length === members.length;
  return (
    tally(
      groupIn(asked, name),
      groupVotes.map(({ full }) => full.verdict),
    ) !== "defer"
  );
}

/** `defer` if there is not enough of either. */
function tally({ members, needs }: VoterGroup, words: readonly VerdictWord[]): VerdictWord {
  const count = (word: VerdictWord): number => words.filter((candidate) => candidate === word).length;
  if (count("proceed") >= needs) return "proceed";
  return count("refuse") > Math.max(0, members - needs) ? "refuse" : "defer";
}

function mergeGroupVotes(group: VoterGroup, votes: readonly CastVote[]): CastVote {
  const named = new Set(votes.flatMap(({ full }) => Object.keys(full.containers ?? {})));
  const containers = [...named].map((name) => {
    const answers = votes.map(({ participant, full }) => ({
      participant,
      full: lookUp(full.containers, name) ?? full,
    }));
    return [name, mergeVotes(group, answers)] as const;
  });
  return {
    participant: `group ${group.name}`,
    full: {
      ...mergeVotes(group, votes),
      ...(containers.length > 0 && { containers: Object.fromEntries(containers) }),
    },
  };
}

type VoteContent = Pick<Verdict, "verdict" | "reason" | "retry_after_s">;

function mergeVotes(
  group: VoterGroup,
  votes: readonly { readonly participant: string; readonly full: VoteContent }[],
): VoteContent {
  const verdict = tally(
    group,
    votes.map(({ full }) => full.verdict),
  );
  if (verdict === "proceed") return { verdict };
  const against = votes.filter(({ full }) => full.verdict !== "proceed");
  const waits = against.flatMap(({ full }) => full.retry_after_s ?? []);
  const words = against.map(({ participant, full }) => `${participant}: ${full.reason ?? full.verdict}`);
  return {
    verdict,
    reason: `${votes.length - against.length} of the ${group.needs} that are needed of ${group.members} say proceed${words.map((text) => `; ${text}`).join("")}`,
    ...(verdict === "defer" && waits.length > 0 && { retry_after_s: Math.max(...waits) }),
  };
}

function limitToContainers(full: Verdict, only: readonly string[] | undefined): Verdict {
  if (only === undefined) return full;
  const { containers, ...plain } = full;
  return {
    verdict: "proceed",
    containers: Object.fromEntries(
      only.map((name) => [name, plain.verdict === "proceed" ? (lookUp(containers, name) ?? plain) : plain]),
    ),
  };
}
