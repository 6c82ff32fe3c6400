// Which digest of a tag is old enough to be taken (COOLDOWN). Pure. Times are milliseconds since 1970, by the ledger.
//
// 1. No digest is taken that the tag was first seen to name less than the cooldown ago.
// 2. Taken is the newest digest that has stayed on the tag for the cooldown, even where the tag has moved on since.
// 3. Where the tag moves so often that none stays that long, the newest that was first seen so long ago is taken, once
//    the first digest after the one that runs is twice as old: no tag starves its containers.
// 4. What is taken came to the tag after what runs, unless the tag itself has gone back.
// 5. A digest that the tag has gone back from is not taken any more.
// 6. Of those that have had their time, only what others have proved is taken, where that is asked for (proof.ts). Where
//    they prove nothing, nothing is taken: this starves the containers.
import type { LedgerEntry, TagStay } from "../../../shared/contract/ledger.ts";

export type SoakChoice =
  | {
      readonly kind: "take";
      readonly digest: string;
      /** When the tag was first seen to name it. */
      readonly seenAt: number;
    }
  | {
      readonly kind: "wait";
      /** The digest that is waited for, unless the tag moves again. */
      readonly digest: string;
      /** When there is something to take at the latest. */
      readonly until: number;
    }
  /** It has had its time, and others have not proved it; nor an older one. */
  | { readonly kind: "unproved"; readonly digest: string };

interface SoakFacts {
  readonly entry: LedgerEntry;
  /** What the tag names. */
  readonly digest: string;
  /** The digests under which the registry may have the image that runs. */
  readonly running: readonly string[];
  readonly cooldownMs: number;
  readonly now: number;
  /** The tag comes after the container's own: whatever it has named is newer than what runs. */
  readonly isLaterTag?: boolean;
  /** Without it every digest is. */
  readonly isProved?: (digest: string) => boolean;
}

interface SeenDigest {
  readonly digest: string;
  readonly firstSeen: number;
  /** How long the tag is known to have named it without a break. */
  readonly stayedMs: number;
}

/** For a container that does not run what the tag names. */
export function chooseSoaked(facts: SoakFacts): SoakChoice {
  const { entry, digest, cooldownMs, now, isProved = () => true } = facts;
  const seen = withoutWithdrawn(entry.stays);
  const top = seen.at(-1);
  if (top?.digest !== digest) return { kind: "wait", digest, until: now + cooldownMs };
  const newer = newerOnes(facts, seen);
  const take = ({ digest: taken, firstSeen }: SeenDigest): SoakChoice => ({
    ...{ kind: "take", digest: taken, seenAt: firstSeen },
  });
  const isOldEnough = ({ firstSeen }: SeenDigest): boolean => firstSeen <= now - cooldownMs;
  const [first = top] = newer;
  const starvesFrom = first.firstSeen + 2 * cooldownMs;
  const settled = newer.filter((one) => isOldEnough(one) && one.stayedMs >= cooldownMs);
  const oldEnough = now >= starvesFrom ? newer.filter(isOldEnough) : [];
  for (const ready of [settled, oldEnough]) {
    const proved = ready.findLast((one) => isProved(one.digest));
    if (proved !== undefined) return take(proved);
  }
  const unproved = settled.at(-1) ?? oldEnough.at(-1);
  if (unproved !== undefined) return { kind: "unproved", digest: unproved.digest };
  return { kind: "wait", digest, until: Math.min(now + cooldownMs - top.stayedMs, starvesFrom) };
}

/**
 * The digests in the order in which they first came. Where the tag goes back to one, whatever came after it is left out until
 * the tag names it anew; it counts from then on.
 */
function withoutWithdrawn(stays: readonly TagStay[]): readonly SeenDigest[] {
  const seen: (SeenDigest & { isWithdrawn: boolean })[] = [];
  for (const { digest, from, to } of stays) {
    const stay = { digest, firstSeen: Date.parse(from), stayedMs: Date.parse(to) - Date.parse(from) };
    const at = seen.findIndex((one) => one.digest === digest);
    const before = seen[at];
    if (before === undefined) {
      seen.push({ ...stay, isWithdrawn: false });
      continue;
    }
    const stayedMs = Math.max(before.stayedMs, stay.stayedMs);
    seen[at] = { ...(before.isWithdrawn ? stay : { ...before, stayedMs }), isWithdrawn: false };
    for (const later of seen.slice(at + 1)) later.isWithdrawn = true;
  }
  return seen.filter(({ isWithdrawn }) => !isWithdrawn);
}

/**
 * Where the tag was never seen to name what runs, only what came to the tag after the container was first seen is known
 * to be newer; and the tag itself always counts.
 */
function newerOnes(
  { running, entry: { uses }, isLaterTag = false }: SoakFacts,
  seen: readonly SeenDigest[],
): readonly SeenDigest[] {
  const known = seen.findLastIndex(({ digest }) => running.includes(digest));
  if (known >= 0 || isLaterTag) return seen.slice(known + 1);
  const since = uses.filter(({ digest }) => running.includes(digest)).map((use) => Date.parse(use.since));
  const first = Math.min(...since, Number.POSITIVE_INFINITY);
  return seen.filter((one, n) => one.firstSeen > first || n === seen.length - 1);
}
