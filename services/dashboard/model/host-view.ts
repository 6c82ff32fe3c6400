// A host and its containers as the page shows them. Pure.
//
// V1  An update that the journal tells of counts until the poller has looked again: the host's entry is older.
import type { HeldEntry } from "../../../shared/contract/held-entry.ts";
import type { HostEntry } from "../../../shared/contract/host-entry.ts";
import type { EndKind } from "../../../shared/contract/update-end.ts";
import { shortDigest } from "../../../shared/registry/image-change.ts";
import type { EndedView } from "./history.ts";

export interface HostView {
  readonly host: string;
  readonly ouroboros: string;
  readonly api: string;
  readonly mode: string | null;
  readonly last_seen: string;
  readonly last_poll: string | null;
  readonly next_poll: string | null;
  readonly monitored: number;
  readonly unanswered: number;
  readonly newer: number;
  readonly held: number;
  readonly failures: readonly { readonly because: string; readonly containers: readonly string[] }[];
  readonly budgets: HostEntry["budgets"];
  /** Of the Engine: `key=value`. */
  readonly labels: readonly string[];
}

export interface ContainerView {
  readonly name: string;
  readonly image: string;
  /** Version, else the first digits of its digest. */
  readonly runs: string | null;
  readonly newer: string | null;
  readonly held: Pick<HeldEntry, "because" | "by" | "until" | "end"> | null;
  readonly last: Pick<EndedView, "at" | "end" | "because" | "run"> | null;
}

type HeldByContainer = ReadonlyMap<string, HeldEntry>;

export function hostView(host: string, entry: HostEntry, held: HeldByContainer): HostView {
  const { cycle, versions, last_seen, last_poll, budgets, labels = [] } = entry;
  return {
    host,
    ouroboros: versions.ouroboros,
    api: versions.api,
    mode: cycle?.mode ?? null,
    last_seen,
    last_poll,
    next_poll: cycle?.next_poll ?? null,
    monitored: cycle?.monitored ?? 0,
    unanswered: cycle?.unanswered ?? 0,
    newer: cycle?.updates.length ?? 0,
    held: held.size,
    failures: cycle?.failures ?? [],
    budgets,
    labels,
  };
}

export function containerViews(
  entry: HostEntry,
  held: HeldByContainer,
  lastOf: (container: string) => EndedView | undefined,
): ContainerView[] {
  const { containers = [], looked_at: lookedAt = "" } = entry.cycle ?? {};
  return containers.map(({ container, image, version, digest, newer }) => {
    const last = lastOf(container);
    const isAfter = last !== undefined && Date.parse(last.at) > (Date.parse(lookedAt) || 0);
    const isReplaced = isAfter && REPLACED.includes(last.end);
    const hold = held.get(container);
    return {
      name: container,
      image,
      runs: (isReplaced ? last.to : undefined) ?? version ?? shortOf(digest),
      newer: isReplaced || (isAfter && last.end === "current") ? null : shortOf(newer),
      held:
        hold === undefined ? null : { because: hold.because, by: hold.by, until: hold.until, end: hold.end },
      last: last === undefined ? null : { at: last.at, end: last.end, because: last.because, run: last.run },
    };
  });
}

const REPLACED: readonly EndKind[] = ["updated", "rolled_back_by_operator"];

const shortOf = (digest: string | undefined): string | null =>
  digest === undefined ? null : shortDigest(digest);
