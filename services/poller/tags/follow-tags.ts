// Which tag each container follows, by its tag policy and its registry's list of tags. A container without a policy is
// asked nothing more about than before.
import { chooseTag } from "../../../shared/registry/choose-tag.ts";
import { withTag } from "../../../shared/registry/image-ref.ts";
import { tagPolicyOf } from "../../../shared/containers/tag-policy-of.ts";
import type { TagPolicy } from "../../../shared/settings/tag-policy.ts";
import type { Candidate } from "../plan.ts";
import type { Polling } from "../polling.ts";
import type { TagListOptions } from "../registries.ts";

/** The candidates with the tags that they follow. */
export async function followTags(
  { registries, settings }: Pick<Polling, "registries" | "settings">,
  candidates: readonly Candidate[],
  options: TagListOptions,
): Promise<readonly Candidate[]> {
  const policies = new Map<Candidate, TagPolicy>();
  for (const candidate of candidates) {
    const policy = tagPolicyOf(candidate.facts, settings);
    if (policy !== undefined && policy.kind !== "same") policies.set(candidate, policy);
  }
  if (policies.size === 0) return candidates;
  const refs = [...policies.keys()].map(({ ref }) => ref);
  const lists = await registries.tagsOf(refs, options);
  return candidates.map((candidate) => {
    const policy = policies.get(candidate);
    const list = lists.get(candidate.ref.name);
    if (policy === undefined || list === undefined) return candidate;
    const { ref } = candidate;
    if (list.kind === "unknown")
      return { ...candidate, followed: { kind: "unknown", policy: policy.text, because: list.because } };
    const choice = chooseTag(ref.tag, list.tags, policy);
    return {
      ...candidate,
      ref: withTag(ref, choice.tag),
      followed: { kind: "follows", policy: policy.text, own: ref.tag, ...choice },
    };
  });
}
