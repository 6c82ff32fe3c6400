// Publishing the plan: only while the updater has nothing in hand, and only what is due.
import { JetStreamApiError } from "@nats-io/jetstream";
import { iso } from "../../shared/clock.ts";
import type { Mode } from "../../shared/contract/hooks.ts";
import { publishOnce } from "../../shared/nats/jetstream.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import { STREAMS, consumers, subjects } from "../../shared/contract/subjects.ts";
import { updateHostRecord } from "./host-record.ts";
import type { SkippedContainer, PlannedGroup } from "./plan.ts";
import { splitPlan, fingerprint, planEvent } from "./plan-event.ts";
import type { Polling } from "./polling.ts";
import { newRunId } from "./run-id.ts";
import type { EngineSnapshot } from "./engine-snapshot.ts";

const NOT_FOUND = { consumer: 10014, stream: 10059 };

export type CycleOutcome =
  | { readonly kind: "nothing due" }
  /** There is something to do, but the updater is not ready for it. */
  | { readonly kind: "waiting"; readonly because: string }
  | { readonly kind: "published"; readonly run: string; readonly containers: readonly string[] };

export interface Publication {
  readonly outcome: CycleOutcome;
  /** What the outcome published. */
  readonly groups: readonly PlannedGroup[];
  /** Due, but in a later plan: this one was cut. */
  readonly rest: readonly PlannedGroup[];
  readonly skipped: readonly SkippedContainer[];
}

/** Where it is not the registry that has something newer. */
interface PlanReason {
  readonly reason: string;
  readonly rollback?: true;
}

/** @throws what NATS throws, and HostNameTaken. */
export async function publishPlan(
  polling: Polling,
  groups: readonly PlannedGroup[],
  sight: EngineSnapshot,
  why?: PlanReason,
): Promise<Publication> {
  const { due, told } = await selectDueGroups(polling, groups);
  const { now, rest, tooLarge } = splitPlan(due, { ...sight, labels: polling.settings.EVENT_LABELS });
  const left = [
    ...skippedOf(told, "monitor only: told already"),
    ...skippedOf(tooLarge, "its group does not fit in one plan"),
  ];
  if (now.length === 0) return { outcome: { kind: "nothing due" }, groups: [], rest, skipped: left };
  const because = await whyUpdaterIsNotReady(polling);
  if (because !== undefined)
    return { outcome: { kind: "waiting", because }, groups: [], rest, skipped: left };
  return { outcome: await publishGroups(polling, now, { sight, why }), groups: now, rest, skipped: left };
}

/** Undefined when the updater has taken, and finished with, every plan so far. */
export async function whyUpdaterIsNotReady({ manager, host }: Polling): Promise<string | undefined> {
  try {
    const info = await manager.consumers.info(STREAMS.hooks, consumers.updater(host.name));
    return info.num_pending + info.num_ack_pending > 0 ? "the updater has a plan in hand" : undefined;
  } catch (error) {
    if (error instanceof JetStreamApiError && Object.values(NOT_FOUND).includes(error.code))
      return "no updater has been here yet";
    throw error;
  }
}

async function publishGroups(
  polling: Polling,
  groups: readonly PlannedGroup[],
  { sight, why }: { readonly sight: EngineSnapshot; readonly why: PlanReason | undefined },
): Promise<CycleOutcome> {
  const { host, settings, clock, signal, js } = polling;
  const now = clock.now();
  const run = newRunId(now);
  const containers = groups.flatMap(({ entries }) => entries.map(({ facts }) => facts.name));
  const context = {
    host: host.name,
    engine_id: host.engine.id,
    run,
    mode: modeOf(settings),
    reason: `a newer image is there for ${containers.length} container${containers.length === 1 ? "" : "s"}`,
    ...why,
  };
  const event = planEvent(context, iso(now), groups, { ...sight, labels: settings.EVENT_LABELS });
  await publishOnce(
    { js, clock, signal },
    {
      subject: subjects.hook({
        host: host.name,
        hook: "updates_enumerated",
        container: null,
        event: event.id,
      }),
      body: event,
      contentType: "application/cloudevents+json",
    },
  );
  return { kind: "published", run, containers };
}

export function modeOf({ DRY_RUN, MONITOR_ONLY }: Pick<Settings, "DRY_RUN" | "MONITOR_ONLY">): Mode {
  if (DRY_RUN) return "dry_run";
  return MONITOR_ONLY ? "monitor" : "update";
}

/** Monitor only tells an update once; what is to be done, and all with RUN_ONCE, is always due. */
async function selectDueGroups(
  { settings, hosts, host, clock }: Polling,
  groups: readonly PlannedGroup[],
): Promise<{ due: readonly PlannedGroup[]; told: readonly PlannedGroup[] }> {
  if (modeOf(settings) !== "monitor" || settings.RUN_ONCE || groups.length === 0)
    return { due: groups, told: [] };
  const { announced } = await updateHostRecord(hosts, host, clock.now(), () => ({}));
  const isTold = (group: PlannedGroup): boolean => announced.includes(fingerprint(group));
  return { due: groups.filter((group) => !isTold(group)), told: groups.filter(isTold) };
}

const skippedOf = (groups: readonly PlannedGroup[], because: string): SkippedContainer[] =>
  groups.flatMap(({ entries }) => entries.map(({ facts }) => ({ container: facts, because })));
