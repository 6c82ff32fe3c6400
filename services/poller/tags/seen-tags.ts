// Which tags of a repository the ledger keeps in view, so that a container with a tag policy and a cooldown can take one
// that has had its time, however fast higher ones come. Pure. Times are milliseconds since 1970, by the ledger.
//
// 1. Kept are the tags that were the highest when they were seen, from the one that a container takes upwards.
// 2. The lowest of those is always kept: it has its time first. Where there are too many for one container, that one
//    goes whose neighbours came closest together.
import { iso } from "../../../shared/clock.ts";
import type { SeenTag } from "../../../shared/contract/ledger.ts";
import type { SoakedCandidates } from "../ledger/soaked-candidates.ts";
import type { Candidate } from "../plan/plan.ts";

/** How many tags are looked at for one container, beside the highest and its own. */
const KEPT_LOWER = 8;
/** Of one repository. */
const KEPT = 100;

/** The same containers, before and after the choice by their cooldowns. */
export interface ChosenTags {
  readonly before: readonly Candidate[];
  readonly after: SoakedCandidates;
}

/** By repository, where anything has changed. `known` are those that were kept before. */
export function tagsToKeep(
  { before, after }: ChosenTags,
  known: (repository: string) => readonly SeenTag[],
  now: number,
): ReadonlyMap<string, readonly SeenTag[]> {
  const found = new Map<string, readonly SeenTag[]>();
  const all = before.flatMap((candidate, n) => {
    const { ref, lower } = candidate;
    const order: TagOrder = { tags: laterTags(candidate), taken: takenTag(after, n) };
    return lower === undefined ? [] : [{ repository: ref.name, ...order }];
  });
  for (const repository of new Set(all.map((one) => one.repository))) {
    const old = known(repository);
    const orders = all.filter((one) => one.repository === repository);
    const kept = keepNeeded(old, orders, now);
    if (JSON.stringify(kept) !== JSON.stringify(old)) found.set(repository, kept);
  }
  return found;
}

/** Undefined where the container takes none now. */
const takenTag = ({ candidates, soaked }: SoakedCandidates, n: number): string | undefined => {
  const chosen = candidates[n];
  return chosen === undefined || soaked.get(chosen.facts.name)?.kind === "left" ? undefined : chosen.ref.tag;
};

/** The highest first, without its own. */
const laterTags = ({ ref, lower = [] }: Candidate): string[] =>
  [ref, ...lower.slice(0, -1)].map(({ tag }) => tag);

interface TagOrder {
  /** What a container may take, the highest first. */
  readonly tags: readonly string[];
  readonly taken: string | undefined;
}

function keepNeeded(old: readonly SeenTag[], orders: readonly TagOrder[], now: number): SeenTag[] {
  const known = new Map(old.map((seen) => [seen.tag, seen]));
  const seenOf = (tag: string): SeenTag => known.get(tag) ?? { tag, from: iso(now) };
  const needed = new Map<string, SeenTag>();
  for (const { tags, taken } of orders) {
    const end = taken === undefined ? -1 : tags.indexOf(taken);
    const upwards = end < 0 ? tags : tags.slice(0, end + 1);
    for (const seen of thinOut(upwards.map(seenOf))) needed.set(seen.tag, seen);
  }
  const looked = new Set(orders.flatMap(({ tags }) => tags));
  return [...old.filter(({ tag }) => !looked.has(tag)), ...needed.values()].slice(-KEPT);
}

function thinOut(tags: readonly SeenTag[]): readonly SeenTag[] {
  const kept = tags.toSorted((a, b) => Date.parse(a.from) - Date.parse(b.from));
  const gapAt = (n: number): number =>
    Date.parse(kept[n + 1]?.from ?? "") - Date.parse(kept[n - 1]?.from ?? "");
  while (kept.length > KEPT_LOWER + 1) {
    let closest = 1;
    for (let n = 2; n < kept.length - 1; n++) if (gapAt(n) < gapAt(closest)) closest = n;
    kept.splice(closest, 1);
  }
  return kept;
}
