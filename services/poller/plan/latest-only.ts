// LATEST_ONLY: a container follows the tag `latest` of its image where the registry has that tag, unless it has a tag policy.
// Pure.
import { type ImageRef, withTag } from "../../../shared/registry/image-ref.ts";
import type { RegistryAnswer, Candidate } from "./plan.ts";

const withLatestTag = (ref: ImageRef): ImageRef => withTag(ref, "latest");

/** The references to ask for: with LATEST_ONLY, `latest` beside each container's own tag. */
export const refsToAsk = (candidates: readonly Candidate[], latestOnly: boolean): readonly ImageRef[] =>
  candidates.flatMap(({ ref, followed, lower = [] }) =>
    latestOnly && followed === undefined ? [withLatestTag(ref), ref] : [ref, ...lower],
  );

/** A candidate for each tag that it may take. */
export const withLowerTags = (candidates: readonly Candidate[]): readonly Candidate[] =>
  candidates.flatMap((candidate) => [
    candidate,
    ...(candidate.lower ?? []).map((ref) => ({ ...candidate, ref })),
  ]);

/** The candidates with the tag that they follow. */
export const followLatest = (
  candidates: readonly Candidate[],
  answers: ReadonlyMap<string, RegistryAnswer>,
  latestOnly: boolean,
): readonly Candidate[] =>
  candidates.map((candidate) => {
    const ref = withLatestTag(candidate.ref);
    return latestOnly && candidate.followed === undefined && answers.get(ref.familiar)?.kind === "digest"
      ? { ...candidate, ref }
      : candidate;
  });
