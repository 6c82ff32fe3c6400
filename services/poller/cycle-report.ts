// The poller's answer to `check` and `status`: the last cycle, and for every container either why it was left alone
// or where its update stands. Pure.
import { iso } from "../../shared/clock.ts";
import type { ContainerFacts } from "../../shared/containers/container-facts.ts";
import { type CycleSummary, MAX_LISTED, type MonitoredContainer } from "../../shared/contract/host-entry.ts";
import { readImageVersion } from "../../shared/registry/image-change.ts";
import type { PollCycle } from "./cycle.ts";
import type { FoundUpdates } from "./find-updates.ts";

/** `cycle` is undefined where the cycle failed. */
export function makeCycleReport(
  { cycle, because }: { cycle?: PollCycle; because?: string },
  now: number,
): object {
  if (cycle === undefined) return { ended_at: iso(now), outcome: { kind: "failed", because } };
  return {
    ended_at: iso(now),
    ...cycle,
    warnings: cycle.warnings.map(({ sentence, containers }) => `${containers.join(", ")}: ${sentence}`),
    failures: failuresOf(cycle),
    left: cycle.left.map(({ container, because }) => ({ ...nameOf(container), because })),
    due: cycle.due.map((container) => ({ ...nameOf(container), because: explainDue(container, cycle) })),
  };
}

/** What observers see of the cycle: `updates` are all that are due, whether or not they were published. */
export function summarizeCycle(
  { asked, unanswered, left }: Pick<PollCycle, "asked" | "unanswered" | "left">,
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
    .map(({ facts, ref, digests }) => {
      const answer = answers.get(ref.familiar);
      const isCurrent = answer?.kind === "digest" && digests.includes(answer.digest);
      const digest = isCurrent ? answer.digest : digests[0];
      const version = readImageVersion(snapshot.images.get(facts.imageId)?.labels);
      const newerDigest = newer.get(facts.name);
      return {
        container: facts.name,
        image: facts.reference,
        ...(version !== undefined && { version }),
        ...(digest !== undefined && { digest }),
        ...(newerDigest !== undefined && { newer: newerDigest }),
      };
    });

/** Why registries gave no digest, and for which containers. */
function failuresOf({ left }: Pick<PollCycle, "left">): CycleSummary["failures"] {
  const containers = new Map<string, string[]>();
  for (const { container, because, wrong } of left)
    if (wrong === true) containers.set(because, [...(containers.get(because) ?? []), container.name]);
  return [...containers].map(([because, names]) => ({ because, containers: names.sort() }));
}

const nameOf = ({ name, id, reference }: ContainerFacts) => ({ container: name, id, image: reference });

function explainDue({ name }: ContainerFacts, { outcome, rest }: PollCycle): string {
  if (rest.includes(name)) return "an update is due, in the plan after this one";
  switch (outcome.kind) {
    case "published":
      return `an update is due, in the plan of run ${outcome.run}`;
    case "waiting":
      return `an update is due: ${outcome.because}`;
    case "nothing due":
      return "an update is due";
  }
}
