// LATEST_ONLY: a container moves to the tag `latest` of its image where its registry has one. Pure.
import { type ImageRef, withTag } from "../../shared/registry/image-ref.ts";
import type { RegistryAnswer, Candidate } from "./plan.ts";

const withLatestTag = (ref: ImageRef): ImageRef => withTag(ref, "latest");

/** What to ask the registries for: beside each own tag the one called latest. */
export const refsToAsk = (candidates: readonly Candidate[], latestOnly: boolean): readonly ImageRef[] =>
  candidates.flatMap(({ ref }) => (latestOnly ? [withLatestTag(ref), ref] : [ref]));

/** The candidates as those of the tag they are to follow. */
export const followLatest = (
  candidates: readonly Candidate[],
  answers: ReadonlyMap<string, RegistryAnswer>,
  latestOnly: boolean,
): readonly Candidate[] =>
  candidates.map((candidate) => {
    const ref = withLatestTag(candidate.ref);
    return latestOnly && answers.get(ref.familiar)?.kind === "digest" ? { ...candidate, ref } : candidate;
  });
