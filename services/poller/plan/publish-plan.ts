// Publishes the plan, only when the updater is idle, and only the updates that are due.
import { JetStreamApiError } from "@nats-io/jetstream";
import { iso } from "../../../shared/clock.ts";
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { dueReasons } from "../../../shared/catalogue/due-reasons.ts";
import type { Mode } from "../../../shared/contract/hooks.ts";
import { publishOnce } from "../../../shared/nats/jetstream.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import { STREAMS, consumers, subjects } from "../../../shared/contract/subjects.ts";
import { updateHostRecord } from "../host-record.ts";
import type { SkippedContainer, PlannedGroup } from "./plan.ts";
import { splitPlan, fingerprint, planEvent } from "./plan-event.ts";
import type { Polling } from "../polling.ts";
import { newRunId } from "./run-id.ts";
import type { EngineSnapshot } from "../engine-snapshot.ts";

const NOT_FOUND = { consumer: 10014, stream: 10059 };

export type CycleOutcome =
  | { readonly kind: "nothing due" }
  /** Updates are due, but the updater is not ready for them. */
  | { readonly kind: "waiting"; readonly because: string }
  | { readonly kind: "published"; readonly run: string; readonly containers: readonly string[] };

export interface Publication {
  readonly outcome: CycleOutcome;
  /** The groups in the published plan. */
  readonly groups: readonly PlannedGroup[];
  /** Due, but left for a later plan because this one was full. */
  readonly rest: readonly PlannedGroup[];
  readonly skipped: readonly SkippedContainer[];
}

/** Why there is a plan, where a newer image at the registry is not the reason. */
interface PlanReason {
  readonly reason: string;
  readonly rollback?: true;
}

/** @throws the NATS client's errors, and HostNameTaken. */
export async function publishPlan(
  polling: Polling,
  groups: readonly PlannedGroup[],
  snapshot: EngineSnapshot,
  reason?: PlanReason,
): Promise<Publication> {
  const { due, announced } = await selectDueGroups(polling, groups);
  const { now, rest, tooLarge } = splitPlan(due, { ...snapshot, labels: polling.settings.EVENT_LABELS });
  const skipped = [
    ...skippedOf(announced, reasonOf(dueReasons.reported)),
    ...skippedOf(tooLarge, reasonOf(dueReasons.tooLarge)),
  ];
  if (now.length === 0) return { outcome: { kind: "nothing due" }, groups: [], rest, skipped };
  const because = await whyUpdaterIsNotReady(polling);
  if (because !== undefined) return { outcome: { kind: "waiting", because }, groups: [], rest, skipped };
  return { outcome: await publishGroups(polling, now, { snapshot, reason }), groups: now, rest, skipped };
}

/** Undefined when the updater has finished every plan published so far. */
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
  { snapshot, reason }: { readonly snapshot: EngineSnapshot; readonly reason: PlanReason | undefined },
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
    reason: `a newer image is there for ${countOf(groups)}`,
    ...passedOver(groups),
    ...reason,
  };
  const event = planEvent(context, iso(now), groups, { ...snapshot, labels: settings.EVENT_LABELS });
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

function countOf(groups: readonly PlannedGroup[]): string {
  const entries = groups.flatMap((group) => group.entries);
  const services = entries.filter(({ facts }) => facts.service !== undefined).length;
  const count = (number: number, what: string): string[] =>
    number === 0 ? [] : [`${number} ${what}${number === 1 ? "" : "s"}`];
  return [...count(entries.length - services, "container"), ...count(services, "service")].join(" and ");
}

/** The digests of tags where older ones are taken, by container name. */
function passedOver(groups: readonly PlannedGroup[]): { readonly passed_over?: Record<string, string> } {
  const entries = groups.flatMap((group) => group.entries);
  const found = entries.flatMap(({ facts, passedOver: digest }) =>
    digest === undefined ? [] : [[facts.name, digest] as const],
  );
  return found.length === 0 ? {} : { passed_over: Object.fromEntries(found) };
}

export function modeOf({ DRY_RUN, MONITOR_ONLY }: Pick<Settings, "DRY_RUN" | "MONITOR_ONLY">): Mode {
  if (DRY_RUN) return "dry_run";
  return MONITOR_ONLY ? "monitor" : "update";
}

/** Monitor only announces an update once. In the other modes, and with RUN_ONCE, every group is always due. */
async function selectDueGroups(
  { settings, hosts, host, clock }: Polling,
  groups: readonly PlannedGroup[],
): Promise<{ due: readonly PlannedGroup[]; announced: readonly PlannedGroup[] }> {
  if (modeOf(settings) !== "monitor" || settings.RUN_ONCE || groups.length === 0)
    return { due: groups, announced: [] };
  const { announced: fingerprints } = await updateHostRecord(hosts, host, clock.now(), () => ({}));
  const isAnnounced = (group: PlannedGroup): boolean => fingerprints.includes(fingerprint(group));
  return { due: groups.filter((group) => !isAnnounced(group)), announced: groups.filter(isAnnounced) };
}

const skippedOf = (groups: readonly PlannedGroup[], because: string): SkippedContainer[] =>
  groups.flatMap(({ entries }) => entries.map(({ facts }) => ({ container: facts, because })));
