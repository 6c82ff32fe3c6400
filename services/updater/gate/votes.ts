// Which of the things said count, and for what. Pure.
//   - An advisory participant's words are recorded, and count for nothing.
//   - Of a run, a participant that chose containers speaks for those only.
//   - A group speaks with one voice: `needs` of its members have to say proceed; it refuses when too many have refused
//     for that; where others were too late or put off, it defers.
import { lookUp } from "../../../shared/look-up.ts";
import type { Verdict, VerdictWord } from "../../../shared/contract/messages.ts";
import type { AskedParticipant } from "../../../shared/contract/participants.ts";

/** What is heard of one participant, or of a group. */
export interface CastVote {
  readonly participant: string;
  readonly full: Verdict;
}

export function countVotes(heard: readonly CastVote[], asked: readonly AskedParticipant[]): CastVote[] {
  const entries = new Map(asked.map((one) => [one.name, one]));
  const counting = heard
    .filter(({ participant }) => entries.get(participant)?.advisory !== true)
    .map(({ participant, full }) => ({
      participant,
      full: limitToContainers(full, entries.get(participant)?.only),
    }));
  const groupOf = ({ participant }: CastVote): string | undefined => entries.get(participant)?.group;
  const groups = [...new Set(counting.flatMap((voice) => groupOf(voice) ?? []))];
  return [
    ...counting.filter((voice) => groupOf(voice) === undefined),
    ...groups.map((name) =>
      mergeGroupVotes(
        groupIn(asked, name),
        counting.filter((voice) => groupOf(voice) === name),
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

/** What a group has said cannot be changed by those of it who have not spoken yet. */
export function isGroupDecided(
  name: string,
  heard: readonly CastVote[],
  asked: readonly AskedParticipant[],
): boolean {
  const members = asked.filter(({ group, advisory }) => group === name && advisory !== true);
  const said = heard.filter(({ participant }) => members.some((member) => member.name === participant));
  if (said.some(({ full }) => full.containers !== undefined)) return said.length === members.length;
  return (
    tally(
      groupIn(asked, name),
      said.map(({ full }) => full.verdict),
    ) !== "defer"
  );
}

/** `defer` stands for not enough of either. */
function tally({ members, needs }: VoterGroup, words: readonly VerdictWord[]): VerdictWord {
  const count = (word: VerdictWord): number => words.filter((one) => one === word).length;
  if (count("proceed") >= needs) return "proceed";
  return count("refuse") > Math.max(0, members - needs) ? "refuse" : "defer";
}

function mergeGroupVotes(group: VoterGroup, said: readonly CastVote[]): CastVote {
  const named = new Set(said.flatMap(({ full }) => Object.keys(full.containers ?? {})));
  const containers = [...named].map((name) => {
    const answers = said.map(({ participant, full }) => ({
      participant,
      full: lookUp(full.containers, name) ?? full,
    }));
    return [name, mergeVotes(group, answers)] as const;
  });
  return {
    participant: `group ${group.name}`,
    full: {
      ...mergeVotes(group, said),
      ...(containers.length > 0 && { containers: Object.fromEntries(containers) }),
    },
  };
}

type VoteContent = Pick<Verdict, "verdict" | "reason" | "retry_after_s">;

function mergeVotes(
  group: VoterGroup,
  said: readonly { readonly participant: string; readonly full: VoteContent }[],
): VoteContent {
  const verdict = tally(
    group,
    said.map(({ full }) => full.verdict),
  );
  if (verdict === "proceed") return { verdict };
  const against = said.filter(({ full }) => full.verdict !== "proceed");
  const waits = against.flatMap(({ full }) => full.retry_after_s ?? []);
  const words = against.map(({ participant, full }) => `${participant}: ${full.reason ?? full.verdict}`);
  return {
    verdict,
    reason: `${said.length - against.length} of the ${group.needs} that are needed of ${group.members} say proceed${words.map((text) => `; ${text}`).join("")}`,
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
