// What an observation makes of a ledger's entry. Pure. Times are milliseconds since 1970.
import { iso } from "../../../shared/clock.ts";
import type { DigestUse, LedgerEntry, SeenTag, TagStay } from "../../../shared/contract/ledger.ts";
import type { UpdateResult } from "../../../shared/contract/payloads.ts";

/** How many stays and uses an entry keeps; the oldest go first. */
const KEPT = 40;

export const emptyEntry = (image: string, platform: string): LedgerEntry => ({
  ...{ image, platform },
  ...{ stays: [], uses: [] },
});

export const isEmpty = ({ stays, uses, tags = [] }: LedgerEntry): boolean =>
  stays.length + uses.length + tags.length === 0;

/** The tag named the digest at that time. A time before the last observation counts as that one's. */
export function noteOnTag(entry: LedgerEntry, digest: string, at: number): LedgerEntry {
  const last = entry.stays.at(-1);
  const when = iso(Math.max(at, last === undefined ? at : Date.parse(last.to)));
  if (last?.digest === digest)
    return { ...entry, stays: [...entry.stays.slice(0, -1), { ...last, to: when }] };
  return { ...entry, stays: [...entry.stays, { digest, from: when, to: when }].slice(-KEPT) };
}

/** So many containers run each digest; none runs any other. */
export function noteRunning(
  entry: LedgerEntry,
  running: ReadonlyMap<string, number>,
  at: number,
): LedgerEntry {
  const known = entry.uses.map((use) => {
    const containers = running.get(use.digest) ?? 0;
    return { ...use, containers, since: containers > 0 && !hasRun(use) ? iso(at) : use.since };
  });
  const added = [...running]
    .filter(([digest]) => !known.some((use) => use.digest === digest))
    .map(([digest, containers]): DigestUse => ({ digest, since: iso(at), containers, ends: {} }));
  return { ...entry, uses: keepNewest([...known, ...added]) };
}

/** An update to the digest ended. */
export function noteEnd(entry: LedgerEntry, digest: string, end: UpdateResult, at: number): LedgerEntry {
  const known = entry.uses.find((use) => use.digest === digest);
  const isFirst = known === undefined || (end === "updated" && !hasRun(known));
  const since = isFirst ? iso(at) : known.since;
  const before = { digest, containers: 0, ends: {}, ...known, since } satisfies DigestUse;
  const after = { ...before, ends: { ...before.ends, [end]: (before.ends[end] ?? 0) + 1 } };
  return { ...entry, uses: keepNewest([...entry.uses.filter((use) => use.digest !== digest), after]) };
}

/**
 * Whether a container was seen to run it. An update that was refused or failed says that none did; what is known without any
 * update was seen to run.
 */
export const hasRun = ({ containers, ends }: DigestUse): boolean =>
  containers > 0 || (ends.updated ?? 0) > 0 || Object.keys(ends).length === 0;

/** Also where putting the old container back failed. */
export const wasRolledBack = ({ ends }: DigestUse): boolean =>
  (ends.rolled_back ?? 0) + (ends.stuck ?? 0) > 0;

/** What runs is kept before what does not. */
function keepNewest(uses: readonly DigestUse[]): DigestUse[] {
  const surplus = Math.max(uses.length - KEPT, 0);
  const dropped = new Set(
    uses
      .toSorted((a, b) => Number(a.containers > 0) - Number(b.containers > 0))
      .slice(0, surplus)
      .map(({ digest }) => digest),
  );
  return uses.filter(({ digest }) => !dropped.has(digest));
}

/**
 * One entry of two that were kept apart, as by a poller that could not read what an earlier one had stored. Counts of
 * `later` are those since then.
 */
export function joinEntries(earlier: LedgerEntry, later: LedgerEntry): LedgerEntry {
  if (isEmpty(later)) return earlier;
  const stays = [...earlier.stays, ...later.stays].toSorted(
    (a, b) => Date.parse(a.from) - Date.parse(b.from),
  );
  const tags = joinTags(earlier.tags, later.tags);
  return {
    ...later,
    ...(tags !== undefined && { tags }),
    stays: stays.reduce<TagStay[]>(joinStay, []).slice(-KEPT),
    uses: keepNewest([
      ...earlier.uses
        .filter(({ digest }) => !later.uses.some((use) => use.digest === digest))
        .map((use) => ({ ...use, containers: 0 })),
      ...later.uses.map((use) =>
        joinUse(
          earlier.uses.find(({ digest }) => digest === use.digest),
          use,
        ),
      ),
    ]),
  };
}

/** A tag counts from when it was first seen. */
function joinTags(earlier: SeenTag[] | undefined, later: SeenTag[] | undefined): SeenTag[] | undefined {
  if (earlier === undefined || later === undefined) return earlier ?? later;
  return [...earlier, ...later.filter(({ tag }) => !earlier.some((seen) => seen.tag === tag))];
}

/** Times at which both saw the same digest are one stay. */
function joinStay(joined: readonly TagStay[], stay: TagStay): TagStay[] {
  const last = joined.at(-1);
  if (last?.digest !== stay.digest) return [...joined, stay];
  const to = Date.parse(last.to) > Date.parse(stay.to) ? last.to : stay.to;
  return [...joined.slice(0, -1), { ...last, to }];
}

function joinUse(earlier: DigestUse | undefined, later: DigestUse): DigestUse {
  if (earlier === undefined) return later;
  const ends = { ...earlier.ends };
  for (const [end, times] of Object.entries(later.ends) as [UpdateResult, number][])
    ends[end] = (ends[end] ?? 0) + times;
  return { ...later, since: hasRun(earlier) ? earlier.since : later.since, ends };
}
