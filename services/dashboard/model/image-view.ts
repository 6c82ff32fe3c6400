// An image as the page lists it: what its tag names now, who runs what, from the ledgers of all hosts. Pure.
import type { HostLedger } from "../../../shared/contract/image-history.ts";
import type { UpdateResult } from "../../../shared/contract/payloads.ts";
import { shortDigest } from "../../../shared/registry/image-change.ts";

export interface ImageView {
  readonly image: string;
  readonly platforms: readonly string[];
  readonly hosts: number;
  /** How many containers run it, and how many of them another digest than the tag names. */
  readonly containers: number;
  readonly behind: number;
  /** As seen last; null where no registry has ever answered. */
  readonly on_tag: { readonly digest: string; readonly since: string; readonly seen: string } | null;
  /** How many digests are known of it. */
  readonly digests: number;
  /** How many updates to any of them ended well, and how many did not. */
  readonly updated: number;
  readonly failed: number;
}

/** What the list needs of one host's entry, which itself can be long. */
export interface ImageOnHost {
  readonly host: string;
  readonly image: string;
  readonly platform: string;
  readonly stay: { readonly digest: string; readonly from: string; readonly to: string } | undefined;
  /** How many containers run which digest. */
  readonly running: ReadonlyMap<string, number>;
  readonly digests: readonly string[];
  readonly updated: number;
  readonly failed: number;
}

const FAILED = ["failed", "rolled_back", "stuck"] as const;

export function imageOnHost({ host, entry: { image, platform, stays, uses } }: HostLedger): ImageOnHost {
  const last = stays.at(-1);
  const running = uses.filter(({ containers }) => containers > 0);
  const count = (end: UpdateResult): number => uses.reduce((sum, { ends }) => sum + (ends[end] ?? 0), 0);
  return {
    ...{ host, image, platform },
    stay: last && { ...last, digest: shortDigest(last.digest) },
    running: new Map(running.map(({ digest, containers }) => [shortDigest(digest), containers])),
    digests: [...new Set([...stays, ...uses].map(({ digest }) => shortDigest(digest)))],
    updated: count("updated"),
    failed: FAILED.reduce((sum, end) => sum + count(end), 0),
  };
}

/** By name. */
export function imageViews(found: Iterable<ImageOnHost>): ImageView[] {
  const byImage = new Map<string, ImageOnHost[]>();
  for (const one of found) {
    const entries = byImage.get(one.image) ?? [];
    entries.push(one);
    byImage.set(one.image, entries);
  }
  return [...byImage]
    .map(([image, entries]) => imageView(image, entries))
    .sort((a, b) => (a.image < b.image ? -1 : 1));
}

function imageView(image: string, entries: readonly ImageOnHost[]): ImageView {
  const stays = entries.flatMap(({ stay }) => stay ?? []);
  const newest = stays.reduce<(typeof stays)[number] | undefined>(
    (last, stay) => (last === undefined || stay.to > last.to ? stay : last),
    undefined,
  );
  const running = entries.flatMap((entry) => [...entry.running]);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
  return {
    image,
    platforms: [...new Set(entries.map(({ platform }) => platform))].sort(),
    hosts: new Set(entries.map(({ host }) => host)).size,
    containers: sum(running.map(([, containers]) => containers)),
    behind: sum(running.map(([digest, containers]) => (digest === newest?.digest ? 0 : containers))),
    on_tag: newest === undefined ? null : { digest: newest.digest, ...seenOnTag(newest.digest, stays) },
    digests: new Set(entries.flatMap(({ digests }) => digests)).size,
    updated: sum(entries.map(({ updated }) => updated)),
    failed: sum(entries.map(({ failed }) => failed)),
  };
}

/** Since when the hosts that saw it last have seen it. */
function seenOnTag(
  digest: string,
  stays: readonly NonNullable<ImageOnHost["stay"]>[],
): { readonly since: string; readonly seen: string } {
  const own = stays.filter((stay) => stay.digest === digest);
  return {
    since: own.map(({ from }) => from).sort()[0] ?? "",
    seen:
      own
        .map(({ to }) => to)
        .sort()
        .at(-1) ?? "",
  };
}
