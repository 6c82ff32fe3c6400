// Decides which entries of a plan still hold, by a fresh look at the containers. Pure.
import { messageOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import { tagPolicyOf } from "../../../shared/containers/tag-policy-of.ts";
import { isTagAllowed } from "../../../shared/registry/choose-tag.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { type ImageRef, parseImageRef, withTag } from "../../../shared/registry/image-ref.ts";
import {
  type SelfUpdatePolicy,
  makeSelfUpdatePolicy,
} from "../../../shared/containers/self-update-policy.ts";
import type { DecisionRecord } from "../../../shared/contract/run-records.ts";
import { type WatchSettings, whyLeftAlone, whyOnlyMonitored } from "../../../shared/containers/watch-list.ts";
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
  readonly expired: readonly {
    readonly entry: UpdateEntry;
    readonly because: string;
    /** The next plan would be the same. */
    readonly isPutOff?: true;
  }[];
}

export function revalidatePlan(
  run: Pick<Run, "bus" | "recovered" | "journal">,
  plan: Plan,
  { seen, isNew, limit }: PlanSituation,
): RevalidatedEntries {
  const all = seen.map(({ facts }) => facts);
  const { host, context } = run.bus;
  const selfUpdate = makeSelfUpdatePolicy(host, context.settings);
  const planProblem = whyPlanExpired(run, plan, { isNew, limit });
  const containers = plan.containers.filter(({ isService }) => !isService);
  const judged = containers.map((planned) => {
    const found = seen.find(({ facts: { name } }) => name === planned.name);
    const facts = found?.facts;
    const entry = entryFrom(planned, facts, context.settings);
    const resumed = run.recovered.has(planned.name) || run.journal.findResult(planned.name) !== undefined;
    const isCommitted =
      !resumed && run.journal.recordsOf("swapping").some((record) => record.new_id === facts?.id);
    const because =
      planProblem ??
      (resumed || isCommitted
        ? undefined
        : (whyExpired(planned, found, { all, isNew, selfUpdate, settings: context.settings }) ??
          whyTagNotTaken(entry, planned, context.settings)));
    const isOpen = !resumed && !isCommitted && because === undefined;
    return {
      entry,
      tag: planned.tag,
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
    expired: judged.flatMap(({ entry, tag, because }) =>
      because === undefined
        ? []
        : [{ entry, because, ...(isTagRefused({ entry, tag }) && { isPutOff: true as const }) }],
    ),
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
  readonly selfUpdate: SelfUpdatePolicy;
  readonly settings: WatchSettings;
}

function whyExpired(
  planned: PlannedContainer,
  found: InspectedContainer | undefined,
  { all, isNew, selfUpdate, settings }: KnownContainers,
): string | undefined {
  if (found === undefined) return "there is no such container any more";
  const { facts, imageUnseen } = found;
  if (isNew && facts.id !== planned.id) return "it is another container by now"; // a resumed run may have recreated it
  if (facts.imageId !== planned.imageId) return "it runs another image by now";
  if (imageUnseen !== undefined) return `the Engine could not show the image that it runs: ${imageUnseen}`;
  return (
    whyLeftAlone(facts, { settings, all, selfUpdate }) ?? whyOnlyMonitored(facts, settings.COMPAT_LABELS)
  );
}

type TagSettings = Pick<Settings, "LATEST_ONLY" | "TAG_POLICY">;

/** A plan could name any tag otherwise. */
function whyTagNotTaken(
  entry: UpdateEntry,
  { tag }: PlannedContainer,
  settings: TagSettings,
): string | undefined {
  if (tag === undefined || !isTagRefused({ entry, tag })) return undefined;
  const policy = tagPolicyOf(entry.facts, settings);
  return messageOf(updateFailures.tagNotTaken, { tag, policy: policy?.text ?? "?" });
}

const isTagRefused = ({ entry, tag }: { readonly entry: UpdateEntry; readonly tag: string | undefined }) =>
  tag !== undefined && entry.ref.tag !== tag;

/** The tag of the plan, where the container's policy, by this host's settings, lets it move there. */
function findAllowedTag(
  facts: ContainerFacts,
  tag: string | undefined,
  settings: TagSettings,
): string | undefined {
  const own = parseImageRef(facts.reference)?.tag;
  const policy = tagPolicyOf(facts, settings);
  if (tag === undefined || own === undefined || policy === undefined) return undefined;
  return isTagAllowed(own, tag, policy) ? tag : undefined;
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
  settings: TagSettings,
): UpdateEntry {
  const known = facts ?? { ...factsOfPlanned(planned), reference: "" };
  return {
    facts: known,
    ref: referenceFor(known, planned, settings),
    reference: planned.reference,
    digest: planned.digest,
    latest: planned.latest,
    ...(planned.passedOver !== undefined && { passedOver: planned.passedOver }),
  };
}

/** Where the Engine does not show it: only what the plan says. A service stays one, so that no container is looked for. */
export const factsOfPlanned = ({
  id,
  name,
  imageId,
  reference,
  isService,
}: PlannedContainer): ContainerFacts => ({
  id,
  name,
  reference,
  imageId,
  status: "gone",
  labels: {},
  autoRemove: false,
  dependsOn: [],
  hardDependsOn: [],
  refersTo: [],
  ...(isService && { service: { mode: "replicated", replicas: null, image: reference, isOwn: false } }),
});

/**
 * The container's own; with the tag that its tag policy has chosen, or with LATEST_ONLY the tag `latest`, if the poller
 * found that.
 */
function referenceFor(facts: ContainerFacts, planned: PlannedContainer, settings: TagSettings): ImageRef {
  const ref = parseImageRef(facts.reference) ?? NO_REFERENCE;
  const tag = findAllowedTag(facts, planned.tag, settings);
  if (tag !== undefined) return withTag(ref, tag);
  const moved = withTag(ref, "latest");
  return settings.LATEST_ONLY && planned.latest.tags.includes(moved.familiar) ? moved : ref;
}
