// The poller's answer to `check` and `status`: the last cycle, and for every container either why it was left alone
// or where its update stands. Pure.
import { iso } from "../../../shared/clock.ts";
import type { Mode } from "../../../shared/contract/hooks.ts";
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { dueReasons } from "../../../shared/catalogue/due-reasons.ts";
import type { LastPollReport } from "../../../shared/contract/service-status.ts";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import type { PollCycle } from "./cycle.ts";
import { failuresOf } from "./cycle-summary.ts";

/** `cycle` is undefined where the cycle failed. */
export function makeCycleReport(
  { cycle, because }: { cycle?: PollCycle; because?: string },
  { now, mode }: { readonly now: number; readonly mode: Mode },
): LastPollReport {
  if (cycle === undefined) return { ended_at: iso(now), outcome: { kind: "failed", because } };
  return {
    ended_at: iso(now),
    ...cycle,
    warnings: cycle.warnings.map(({ sentence, containers }) => `${containers.join(", ")}: ${sentence}`),
    failures: failuresOf(cycle),
    left: cycle.left.map(({ container, because }) => ({ ...nameOf(container), because })),
    due: cycle.due.map((container) => ({
      ...nameOf(container),
      because: explainDue(container, cycle, mode),
    })),
  };
}

const nameOf = ({ name, id, reference }: ContainerFacts) => ({ container: name, id, image: reference });

const REPORTED = { monitor: dueReasons.monitored, dry_run: dueReasons.dryRun } as const;

function explainDue({ name }: ContainerFacts, { outcome, rest }: PollCycle, mode: Mode): string {
  if (mode !== "update") return reasonOf(REPORTED[mode]);
  if (rest.includes(name)) return reasonOf(dueReasons.inNextPlan);
  switch (outcome.kind) {
    case "published":
      return reasonOf(dueReasons.inPlan, { run: outcome.run });
    case "waiting":
      return reasonOf(dueReasons.waits, { because: outcome.because });
    case "nothing due":
      return reasonOf(dueReasons.due);
  }
}
