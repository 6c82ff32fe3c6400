// Which tag each container follows, by its tag policy and its registry's list of tags. A container without a policy is
// asked nothing more about than before.
import { allowedTags, chooseTag } from "../../../shared/registry/choose-tag.ts";
import { mayTakeOlder, readCooldown } from "../../../shared/containers/cooldown.ts";
import { withTag } from "../../../shared/registry/image-ref.ts";
import { tagPolicyOf } from "../../../shared/containers/tag-policy-of.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import type { TagPolicy } from "../../../shared/settings/tag-policy.ts";
import { othersToProve } from "../ledger/proof.ts";
import type { Candidate } from "../plan/plan.ts";
import type { Polling } from "../polling.ts";
import type { TagListOptions } from "../registries.ts";

/** The candidates with the tags that they follow. */
export async function followTags(
  { registries, settings, host, ledger }: Pick<Polling, "registries" | "settings" | "host" | "ledger">,
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
  const soaking = { ...settings, COOLDOWN_AFTER: othersToProve(settings.COOLDOWN_AFTER, host.name) };
  const seen = await readSeenTags(
    ledger,
    [...policies.keys()].filter((candidate) => waits(candidate, soaking)),
  );
  return candidates.map((candidate) => {
    const policy = policies.get(candidate);
    const list = lists.get(candidate.ref.name);
    if (policy === undefined || list === undefined) return candidate;
    if (list.kind === "unknown")
      return { ...candidate, followed: { kind: "unknown", policy: policy.text, because: list.because } };
    const before = waits(candidate, soaking) ? seen.get(candidate.ref.name) : undefined;
    return followTag(candidate, policy, { tags: list.tags, seen: before });
  });
}

/** By repository: the tags that were the highest before. */
async function readSeenTags(
  ledger: Polling["ledger"],
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const repositories = [...new Set(candidates.map(({ ref }) => ref.name))];
  await ledger.read(repositories);
  return new Map(repositories.map((name) => [name, ledger.tagsOf(name).map(({ tag }) => tag)]));
}

const waits = ({ facts }: Candidate, settings: Pick<Settings, "COOLDOWN" | "COOLDOWN_AFTER">): boolean =>
  mayTakeOlder(readCooldown(facts.labels, settings));

interface KnownTags {
  /** Those of the registry. */
  readonly tags: readonly string[];
  /** With a cooldown: those that were the highest before. */
  readonly seen: readonly string[] | undefined;
}

export function followTag(candidate: Candidate, policy: TagPolicy, { tags, seen }: KnownTags): Candidate {
  const { ref } = candidate;
  const choice = chooseTag(ref.tag, tags, policy);
  const followed = { kind: "follows", policy: policy.text, own: ref.tag, ...choice } as const;
  if (seen === undefined || choice.tag === ref.tag)
    return { ...candidate, ref: withTag(ref, choice.tag), followed };
  const listed = new Set(tags);
  const known = seen.filter((tag) => tag !== choice.tag && listed.has(tag));
  const before = allowedTags(ref.tag, known, policy);
  const lower = [...before.map((tag) => withTag(ref, tag)), ref];
  return { ...candidate, ref: withTag(ref, choice.tag), followed, lower };
}
