// Which tag a container follows, by its tag policy and the tags that the registry lists. Pure: the poller chooses by it,
// and the updater, which trusts no plan, checks the plan's choice by it.
//
// 1. The tag chosen comes after the container's own, or is its own.
// 2. It is of the same variant. For a version: the same leading `v`, as many numbers, the same text behind. Else: the same
//    text between the numbers.
// 3. It is no pre-release unless the policy asks for those, or the container runs one of that kind already.
// 4. More tags never lead to a lower choice.
import { patternMatcher } from "./linear-pattern.ts";
import { type TagVersion, rangeMatcher, readTagVersion } from "./tag-version.ts";
import type { TagPolicy } from "../settings/tag-policy.ts";

export interface PassedOverTag {
  readonly tag: string;
  readonly because:
    | "not in its policy"
    | "a pre-release"
    | "another variant"
    /** The policy takes it, and a cooldown not yet. */
    | "in its cooldown"
    | "not proved elsewhere";
}

export interface TagChoice {
  /** The tag to follow; the container's own where none is better. */
  readonly tag: string;
  /** The highest later tags that are not taken, one for each reason. */
  readonly passedOver: readonly PassedOverTag[];
  /** The highest later release of the variant that the policy does not take. */
  readonly beyond?: string;
  /** The container's own tag is no version, so that nothing is known to come after it. */
  readonly isUnordered?: true;
}

/** OCI distribution specification: the grammar of tags. */
export const isTag = (text: string): boolean => /^\w[\w.-]{0,127}$/.test(text);

/** `tags` are those of the registry, which may be anything. */
export function chooseTag(own: string, tags: readonly string[], policy: TagPolicy): TagChoice {
  switch (policy.kind) {
    case "same":
      return { tag: own, passedOver: [] };
    case "semver":
      return chooseVersion(own, tags.filter(isTag), policy);
    case "newest":
      return chooseNewest(own, tags.filter(isTag), policy);
  }
}

/** Whether the policy lets a container of tag `own` move to `tag`. */
export const isTagAllowed = (own: string, tag: string, policy: TagPolicy): boolean =>
  own === tag || chooseTag(own, [tag], policy).tag === tag;

/** Of the tags those that the policy lets a container of tag `own` move to, the highest first. */
export function allowedTags(own: string, tags: readonly string[], policy: TagPolicy): readonly string[] {
  const found: string[] = [];
  for (let left = tags; ; left = left.filter((tag) => tag !== found.at(-1))) {
    const { tag } = chooseTag(own, left, policy);
    if (tag === own) return found;
    found.push(tag);
  }
}

type Because = PassedOverTag["because"] | undefined;

/** A tag that comes after the container's own, and why it is not taken. */
interface LaterTag {
  readonly tag: string;
  readonly because: Because;
}

function chooseVersion(
  own: string,
  tags: readonly string[],
  { range, prereleases }: TagPolicy & { readonly kind: "semver" },
): TagChoice {
  const current = readTagVersion(own);
  if (current === undefined) return { tag: own, passedOver: [], isUnordered: true };
  const isInRange = rangeMatcher(range, { prereleases });
  const why = ({ version, variant, isPrerelease }: TagVersion): Because => {
    if (variant !== current.variant) return "another variant";
    if (isInRange(version)) return undefined;
    return isPrerelease ? "a pre-release" : "not in its policy";
  };
  const later = tags
    .flatMap((tag) => {
      const read = readTagVersion(tag);
      return read !== undefined && read.version.compare(current.version) > 0 ? [{ tag, read }] : [];
    })
    .sort((a, b) => a.read.version.compare(b.read.version) || (a.tag < b.tag ? -1 : 1));
  return choiceOf(
    own,
    later.map(({ tag, read }) => ({ tag, because: why(read) })),
  );
}

function chooseNewest(
  own: string,
  tags: readonly string[],
  { pattern }: TagPolicy & { readonly kind: "newest" },
): TagChoice {
  const current = numbersIn(own);
  if (current.length === 0) return { tag: own, passedOver: [], isUnordered: true };
  const matches = pattern === undefined ? () => true : patternMatcher(pattern);
  const shape = shapeOf(own);
  const later = tags
    .filter((tag) => shapeOf(tag) === shape)
    .map((tag) => ({ tag, numbers: numbersIn(tag) }))
    .filter(({ numbers }) => compareNumbers(numbers, current) > 0)
    .sort((a, b) => compareNumbers(a.numbers, b.numbers) || (a.tag < b.tag ? -1 : 1));
  return choiceOf(
    own,
    later.map(({ tag }) => ({ tag, because: matches(tag) ? undefined : "not in its policy" })),
  );
}

/** `later` in ascending order. */
function choiceOf(own: string, later: readonly LaterTag[]): TagChoice {
  const taken = later.findLastIndex(({ because }) => because === undefined);
  const passed = new Map<Because, PassedOverTag>();
  for (const { tag, because } of later) if (because !== undefined) passed.set(because, { tag, because });
  const beyond = later.findLast(({ because }, n) => because === "not in its policy" && n > taken)?.tag;
  return {
    tag: later[taken]?.tag ?? own,
    passedOver: [...passed.values()],
    ...(beyond !== undefined && { beyond }),
  };
}

/** The text between the numbers: `2026-01-05-ls7` and `2026-02-11-ls9` have the same. */
const shapeOf = (tag: string): string => tag.replace(/\d+/g, "0");

const numbersIn = (tag: string): readonly string[] =>
  (tag.match(/\d+/g) ?? []).map((digits) => digits.replace(/^0+(?=\d)/, ""));

/** From left to right, each as a number. */
function compareNumbers(a: readonly string[], b: readonly string[]): number {
  for (const [n, number] of a.entries()) {
    const other = b[n] ?? "0";
    if (number === other) continue;
    if (number.length !== other.length) return number.length - other.length;
    return number < other ? -1 : 1;
  }
  return 0;
}
