// What a search for updates means for the ledger: which tag names what, and which containers run what. Pure.
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { parseSwapName } from "../../../shared/containers/swap-names.ts";
import { withTag } from "../../../shared/registry/image-ref.ts";
import type { Candidate, RegistryAnswer } from "../plan/plan.ts";
import type { TagObservation } from "./ledger.ts";

export interface FoundImages {
  readonly candidates: readonly Candidate[];
  /** By `familiar` reference. */
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
}

/**
 * Names of containers whose update is not over: the old one is still kept. Of services only the updater knows, which
 * `isUpdating` where it has a plan in hand.
 */
export const findUnfinished = (all: readonly ContainerFacts[], isUpdating: boolean): ReadonlySet<string> =>
  new Set(
    all.flatMap(({ name, service }) =>
      service === undefined ? (parseSwapName(name)?.name ?? []) : isUpdating ? name : [],
    ),
  );

interface SeenCandidates extends FoundImages {
  /** Whether the candidates are all that the host has. */
  readonly coversAll: boolean;
  /** Names of those whose update is not over: what they run may yet be put back, so that nobody has run it so far. */
  readonly unfinished: ReadonlySet<string>;
}

/** What was seen of each image of the candidates. `answeredAt` says when a registry's answer is from. */
export function observationsOf(
  { candidates, answers, coversAll, unfinished }: SeenCandidates,
  answeredAt: (image: string) => number,
): TagObservation[] {
  const images = new Map<string, Map<string, number>>();
  const unsettled = new Set<string>();
  const countsOf = (image: string): Map<string, number> => {
    const counts = images.get(image) ?? new Map<string, number>();
    images.set(image, counts);
    return counts;
  };
  for (const candidate of candidates) {
    const { ref, lower = [], digests } = candidate;
    for (const { familiar } of [ref, ...lower]) countsOf(familiar);
    const own = ownImage(candidate);
    if (unfinished.has(candidate.facts.name)) unsettled.add(own);
    const answer = answers.get(own);
    const current = answer?.kind === "digest" && digests.includes(answer.digest) ? answer.digest : undefined;
    const digest = current ?? digests[0];
    const running = countsOf(own);
    if (digest !== undefined) running.set(digest, (running.get(digest) ?? 0) + 1);
  }
  return [...images].map(([image, running]) => {
    const answer = answers.get(image);
    const onTag = answer?.kind === "digest" ? { digest: answer.digest, at: answeredAt(image) } : undefined;
    return { image, onTag, running: coversAll && !unsettled.has(image) ? running : undefined };
  });
}

/** With a tag policy it runs its own tag's image, whatever tag it follows. */
const ownImage = ({ ref, followed }: Candidate): string =>
  (followed?.kind === "follows" ? withTag(ref, followed.own) : ref).familiar;
