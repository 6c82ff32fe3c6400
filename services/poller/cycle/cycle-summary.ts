// What observers see of a cycle, in the host's entry. Pure.
import {
  type CycleSummary,
  MAX_LISTED,
  type MonitoredContainer,
} from "../../../shared/contract/host-entry.ts";
import { readImageVersion } from "../../../shared/registry/image-change.ts";
import type { FoundUpdates } from "./find-updates.ts";
import { type SkippedContainer, answerFor } from "../plan/plan.ts";

interface CycleCounts {
  readonly asked: number;
  readonly unanswered: number;
  readonly left: readonly SkippedContainer[];
}

/** What observers see of the cycle: `updates` are all that are due, whether or not they were published. */
export function summarizeCycle(
  { asked, unanswered, left }: CycleCounts,
  found: FoundUpdates,
): Pick<CycleSummary, "monitored" | "unanswered" | "updates" | "containers" | "failures"> {
  return {
    monitored: asked,
    unanswered,
    containers: listMonitored(found),
    updates: found.plan.groups
      .flatMap(({ entries }) => entries)
      .slice(0, MAX_LISTED)
      .map(({ facts, digest }) => ({ container: facts.name, image: facts.reference, digest })),
    failures: failuresOf({ left })
      .slice(0, MAX_LISTED)
      .map(({ because, containers }) => ({
        because: because.slice(0, MAX_REASON_LENGTH),
        containers: containers.slice(0, MAX_LISTED),
      })),
  };
}

const MAX_REASON_LENGTH = 500;

/** Sorted before it is cut, so that the same containers are listed in each cycle. */
const listMonitored = ({ candidates, answers, newer, snapshot }: FoundUpdates): MonitoredContainer[] =>
  candidates
    .toSorted((a, b) => (a.facts.name < b.facts.name ? -1 : 1))
    .slice(0, MAX_LISTED)
    .map((candidate) => {
      const { facts, digests, followed } = candidate;
      const answer = answerFor(candidate, answers);
      const isCurrent = answer.kind === "digest" && digests.includes(answer.digest);
      const digest = isCurrent ? answer.digest : digests[0];
      const version = readImageVersion(snapshot.images.get(facts.imageId)?.labels);
      const newerDigest = newer.get(facts.name);
      return {
        container: facts.name,
        image: facts.reference,
        ...(version !== undefined && { version }),
        ...(digest !== undefined && { digest }),
        ...(newerDigest !== undefined && { newer: newerDigest }),
        ...(followed?.kind === "follows" && followed.tag !== followed.own && { follows: followed.tag }),
        ...(followed?.kind === "follows" && followed.beyond !== undefined && { beyond: followed.beyond }),
      };
    });

/** Why registries gave no digest, and for which containers. */
export function failuresOf({ left }: Pick<CycleCounts, "left">): CycleSummary["failures"] {
  const containers = new Map<string, string[]>();
  for (const { container, because, wrong } of left)
    if (wrong === true) containers.set(because, [...(containers.get(because) ?? []), container.name]);
  return [...containers].map(([because, names]) => ({ because, containers: names.sort() }));
}
