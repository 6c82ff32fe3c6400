// Decides which entries of a plan still hold, by a fresh look at the containers. Pure.
import { type ContainerFacts, whySkipped } from "../../../shared/containers/container-facts.ts";
import { type ImageRef, parseImageRef, withTag } from "../../../shared/registry/image-ref.ts";
import {
  type SelfUpdatePolicy,
  makeSelfUpdatePolicy,
} from "../../../shared/containers/self-update-policy.ts";
import type { DecisionRecord } from "../../../shared/contract/run-records.ts";
import { type WatchSettings, whyOnlyMonitored, whyUnwatched } from "../../../shared/containers/watch-list.ts";
import { eventId } from "../../../shared/contract/subjects.ts";
import type { Plan, PlannedContainer } from "./plan-message.ts";
import type { UpdateEntry, Run, InspectedContainer } from "../updater.ts";

interface PlanSituation {
  readonly seen: readonly InspectedContainer[];
  /** No earlier process began the run. A resumed run does not expire. */
  readonly isNew: boolean;
  /** How old a plan may be. Milliseconds. */
  readonly limit: number;
}

export interface CommittedEntry {
  readonly entry: UpdateEntry;
  /** Id of the image that the container ran before. */
  readonly from: string;
}

interface RevalidatedEntries {
  readonly entries: readonly UpdateEntry[];
  /** Updated by an earlier process that ended before it could record that. */
  readonly committed: readonly CommittedEntry[];
  /**
   * Likewise put back because of after_update, its own or that of another in its transaction: it is not swapped
   * again.
   */
  readonly rolledBack: readonly { readonly entry: UpdateEntry; readonly decided: DecisionRecord }[];
  readonly expired: readonly { readonly entry: UpdateEntry; readonly because: string }[];
}

export function revalidatePlan(
  run: Pick<Run, "bus" | "recovered" | "journal">,
  plan: Plan,
  { seen, isNew, limit }: PlanSituation,
): RevalidatedEntries {
  const all = seen.map(({ facts }) => facts);
  const { host, context } = run.bus;
  const selfUpdatePolicy = makeSelfUpdatePolicy(host, context.settings);
  const planProblem = whyPlanExpired(run, plan, { isNew, limit });
  const containers = plan.containers.filter(({ isService }) => !isService);
  const judged = containers.map((planned) => {
    const found = seen.find(({ facts: { name } }) => name === planned.name);
    const facts = found?.facts;
    const entry = entryFrom(planned, facts, context.settings.LATEST_ONLY);
    const resumed = run.recovered.has(planned.name) || run.journal.findResult(planned.name) !== undefined;
    const isCommitted =
      !resumed && run.journal.recordsOf("swapping").some((record) => record.new_id === facts?.id);
    const because =
      planProblem ??
      (resumed || isCommitted
        ? undefined
        : whyExpired(planned, found, { all, isNew, selfUpdatePolicy, watchSettings: context.settings }));
    const isOpen = !resumed && !isCommitted && because === undefined;
    return {
      entry,
      from: planned.imageId,
      isCommitted,
      because,
      decided: isOpen ? findRefusal(run, planned.name, all) : undefined,
    };
  });
  const holding = judged.filter(({ because }) => because === undefined);
  return {
    entries: holding
      .filter(({ isCommitted, decided }) => !isCommitted && decided === undefined)
      .map(({ entry }) => entry),
    committed: holding.filter(({ isCommitted }) => isCommitted),
    rolledBack: holding.flatMap(({ entry, decided }) => (decided === undefined ? [] : [{ entry, decided }])),
    expired: judged.flatMap(({ entry, because }) => (because === undefined ? [] : [{ entry, because }])),
  };
}

/** Why nothing of the plan holds. */
export function whyPlanExpired(
  { bus: { host } }: Pick<Run, "bus">,
  plan: Plan,
  { isNew, limit }: Pick<PlanSituation, "isNew" | "limit">,
): string | undefined {
  const age = plan.takenAt - plan.publishedAt;
  if (plan.engineId !== host.engine.id) return `the plan is for another Engine (${plan.engineId})`;
  return isNew && age > limit ? `the plan was ${Math.round(age / 1000)} s old when it was taken` : undefined;
}

/** A parent that may stay is put back together with a child that may not (linked-updates.ts: A3). */
function findRefusal(
  { journal }: Pick<Run, "journal">,
  name: string,
  all: readonly ContainerFacts[],
): DecisionRecord | undefined {
  const after = journal.findDecision(eventId(journal.run, "after_update", name));
  if (after?.verdict !== "proceed") return after;
  const family = relativesOf(name, all);
  return journal
    .recordsOf("decided")
    .find(
      ({ hook, verdict, container }) =>
        hook === "after_update" && verdict !== "proceed" && family.has(container ?? ""),
    );
}

/** Names of the containers that refer to it or that it refers to, and of their relatives in turn. */
function relativesOf(name: string, all: readonly ContainerFacts[]): ReadonlySet<string> {
  const family = new Set([name]);
  const refersTo = (first: ContainerFacts, second: ContainerFacts): boolean =>
    first.refersTo.some((target) => target === second.name || target === second.id);
  for (const relative of family)
    // the set grows during the loop
    for (const container of all.filter((facts) => facts.name === relative))
      for (const other of all)
        if (refersTo(container, other) || refersTo(other, container)) family.add(other.name);
  return family;
}

interface KnownContainers {
  readonly all: readonly ContainerFacts[];
  readonly isNew: boolean;
  readonly selfUpdatePolicy: SelfUpdatePolicy;
  readonly watchSettings: WatchSettings;
}

function whyExpired(
  planned: PlannedContainer,
  found: InspectedContainer | undefined,
  { all, isNew, selfUpdatePolicy, watchSettings }: KnownContainers,
): string | undefined {
  if (found === undefined) return "there is no such container any more";
  const { facts, imageUnseen } = found;
  if (isNew && facts.id !== planned.id) return "it is another container by now"; // a resumed run may have recreated it
  if (facts.imageId !== planned.imageId) return "it runs another image by now";
  if (imageUnseen !== undefined) return `the Engine could not show the image that it runs: ${imageUnseen}`;
  return (
    whyUnwatched(facts, watchSettings) ??
    whySkipped(facts, all, selfUpdatePolicy) ??
    whyOnlyMonitored(facts, watchSettings.COMPAT_LABELS)
  );
}

const NO_REFERENCE: ImageRef = {
  registry: "",
  repository: "",
  tag: "",
  digest: undefined,
  name: "",
  familiar: "",
};

export function entryFrom(
  planned: PlannedContainer,
  facts: ContainerFacts | undefined,
  latestOnly: boolean,
): UpdateEntry {
  const gone: ContainerFacts = {
    id: planned.id,
    name: planned.name,
    reference: "",
    imageId: planned.imageId,
    status: "gone",
    labels: {},
    autoRemove: false,
    dependsOn: [],
    hardDependsOn: [],
    refersTo: [],
  };
  const known = facts ?? gone;
  return {
    facts: known,
    ref: referenceFor(known.reference, planned, latestOnly),
    digest: planned.digest,
    latest: planned.latest,
    ...(planned.passedOver !== undefined && { passedOver: planned.passedOver }),
  };
}

/** The container's own; with LATEST_ONLY the tag `latest` of the same image, if the poller found that. */
function referenceFor(own: string, { latest }: PlannedContainer, latestOnly: boolean): ImageRef {
  const ref = parseImageRef(own) ?? NO_REFERENCE;
  const moved = withTag(ref, "latest");
  return latestOnly && latest.tags.includes(moved.familiar) ? moved : ref;
}
