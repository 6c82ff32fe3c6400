// What a search for updates means for the ledger: which tag names what, and which containers run what. Pure.
import { withTag } from "../../../shared/registry/image-ref.ts";
import type { Candidate, RegistryAnswer } from "../plan.ts";
import type { TagObservation } from "./ledger.ts";

export interface FoundImages {
  readonly candidates: readonly Candidate[];
  /** By `familiar` reference. */
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
}

/** What was seen of each image of the candidates. `answeredAt` says when a registry's answer is from. */
export function observationsOf(
  { candidates, answers, coversAll }: FoundImages & { readonly coversAll: boolean },
  answeredAt: (image: string) => number,
): TagObservation[] {
  const images = new Map<string, Map<string, number>>();
  const countsOf = (image: string): Map<string, number> => {
    const counts = images.get(image) ?? new Map<string, number>();
    images.set(image, counts);
    return counts;
  };
  for (const candidate of candidates) {
    const { ref, lower = [], digests } = candidate;
    for (const { familiar } of [ref, ...lower]) countsOf(familiar);
    const own = ownImage(candidate);
    const answer = answers.get(own);
    const current = answer?.kind === "digest" && digests.includes(answer.digest) ? answer.digest : undefined;
    const digest = current ?? digests[0];
    const running = countsOf(own);
    if (digest !== undefined) running.set(digest, (running.get(digest) ?? 0) + 1);
  }
  return [...images].map(([image, running]) => {
    const answer = answers.get(image);
    const onTag = answer?.kind === "digest" ? { digest: answer.digest, at: answeredAt(image) } : undefined;
    return { image, onTag, running: coversAll ? running : undefined };
  });
}

/** With a tag policy it runs its own tag's image, whatever tag it follows. */
const ownImage = ({ ref, followed }: Candidate): string =>
  (followed?.kind === "follows" ? withTag(ref, followed.own) : ref).familiar;
