// Makes what all steps of a run share, once, when the run begins or is resumed.
import type { Mode } from "../../../shared/contract/hooks.ts";
import { Gate } from "../gate/gate.ts";
import type { Journal } from "../journal/journal.ts";
import type { Notices } from "../journal/notices.ts";
import type { HostRecovery } from "../recover/recover-host.ts";
import { Semaphore } from "../semaphore.ts";
import type { ConnectedUpdater, Run } from "../updater.ts";
import type { Plan } from "./plan-message.ts";

interface RunParts {
  readonly journal: Journal;
  readonly notices: Notices;
  readonly mode: Mode;
  readonly plan: Plan;
  readonly recovered: HostRecovery;
}

export function createRun(
  updater: ConnectedUpdater,
  { journal, notices, mode, plan, recovered }: RunParts,
): Run {
  const { bus, participants, approvals, verdictSignals } = updater;
  return {
    ...updater,
    journal,
    notices,
    mode,
    isRollback: plan.rollback,
    gate: new Gate(bus, journal, { participants, approvals, verdictSignals, mode }),
    log: bus.context.log.child({ run: plan.run }),
    dependencySemaphore: new Semaphore(bus.context.settings.SWAPS),
    ran: new Set(),
    replaced: new Map(),
    notStarted: new Set(),
    recovered: recovered.swaps,
    stuck: stuckIn(plan.run, recovered),
    helperOutcome: recovered.helped,
  };
}

const stuckIn = (run: string, { restored }: HostRecovery): ReadonlyMap<string, string> =>
  new Map(
    restored
      .filter((settled) => settled.run === run && settled.end === "stuck")
      .map(({ container, because }) => [container, because]),
  );
