// One cycle: read the Engine, ask the registries, decide, publish the plan.
import { iso } from "../../../shared/clock.ts";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { selectReportableLabels } from "../../../shared/containers/effective-labels.ts";
import type { CycleSummary } from "../../../shared/contract/host-entry.ts";
import type { UninspectableContainer } from "../../../shared/containers/inspect-all.ts";
import { userGivenName } from "../../../shared/containers/swap-names.ts";
import { type ContainerWarning, unknownNames, warningsAbout, withoutSwaps } from "./container-warnings.ts";
import { findUpdates } from "./find-updates.ts";
import { summarizeCycle } from "./cycle-summary.ts";
import { retryUpdateHostRecord } from "../host-record.ts";
import { hasActed } from "../first-start.ts";
import type { MirrorLag } from "../mirror-lag.ts";
import type { TakenHints } from "../hints.ts";
import { type SkippedContainer, answerFor } from "../plan/plan.ts";
import { fingerprint } from "../plan/plan-event.ts";
import type { Polling } from "../polling.ts";
import type { EngineSnapshot } from "../engine-snapshot.ts";
import { type CycleOutcome, type Publication, modeOf, publishPlan } from "../plan/publish-plan.ts";

/** How many announced groups the host's record keeps. */
const REMEMBERED = 1000;

export interface PollCycle {
  readonly outcome: CycleOutcome;
  /** Whether it covers all containers of the host. */
  readonly isWhole: boolean;
  /** How many containers the host has, and for how many of them a registry was asked. */
  readonly seen: number;
  readonly asked: number;
  /** Whether the host has any container that the cycle covers. */
  readonly isThere: boolean;
  /** Names of containers that are due but wait for the next plan. */
  readonly rest: readonly string[];
  /** All containers that are due, whether or not the plan was published. */
  readonly due: readonly ContainerFacts[];
  readonly left: readonly SkippedContainer[];
  /** Labels that a container inherits from its image and that do not count. */
  readonly ignoredLabels: readonly { readonly container: string; readonly labels: readonly string[] }[];
  /** With SWARM: why no service is looked at. */
  readonly swarm?: EngineSnapshot["swarm"];
  /** Left alone because the Engine could not inspect them. */
  readonly unseen: readonly UninspectableContainer[];
  /** Images of which a mirror of the Engine serves another digest than their registry has. */
  readonly lagging: readonly LaggingImage[];
  /** For how many of the `asked` containers no registry gave a digest. */
  readonly unanswered: number;
  /** Which setting would let more registries answer. */
  readonly advice?: string;
  readonly warnings: readonly ContainerWarning[];
  /** Names in settings that no container bears; in the first cycle only. */
  readonly unknownNames: readonly string[];
}

export interface LaggingImage extends Pick<MirrorLag, "mirror" | "serves" | "upstream"> {
  readonly image: string;
}

/** No registry gave a digest for any image. */
export const gotNoAnswers = ({ asked, unanswered }: Pick<PollCycle, "asked" | "unanswered">): boolean =>
  asked > 0 && unanswered === asked;

interface CycleExtent {
  /** Names of containers that this process has already dealt with; they are left alone. */
  readonly except?: ReadonlySet<string>;
  /** Name or id of the container that the operator asks for. Its held entry does not count. */
  readonly only?: string;
  /** The person who asks, where that is known. */
  readonly by?: string | undefined;
  /** What led to the cycle before its time; it is for these containers only. */
  readonly hints?: Pick<TakenHints, "covers" | "recentMs">;
}

export const askedBy = (what: "update" | "rollback", by = "the operator"): string =>
  `${what} asked for by ${by}`;

/** @throws the Engine or NATS client's error when one is unreachable, and HostNameTaken. */
export async function runCycle(
  polling: Polling,
  { except, only, by, hints }: CycleExtent = {},
): Promise<PollCycle> {
  const lookedAt = iso(polling.clock.now());
  const found = await findUpdates(polling, {
    ...(except !== undefined && { except }),
    ...(only !== undefined && { only, despiteHolds: true as const }),
    ...hints,
  });
  const isWhole = only === undefined && hints === undefined;
  const { snapshot, choice, candidates, answers, advice, plan, isThere, lags } = found;
  if (only === undefined) polling.seen.note(snapshot.facts);
  if (isWhole && modeOf(polling.settings) === "update")
    polling.firstStart.announce(polling.log, plan.groups, candidates.length);
  const publication = await publishPlan(
    polling,
    plan.groups,
    snapshot,
    only === undefined ? undefined : { reason: askedBy("update", by) },
  );
  const left = [...choice.skipped, ...plan.skipped, ...publication.skipped];
  const counts = {
    asked: candidates.length,
    unanswered: candidates.filter((candidate) => answerFor(candidate, answers).kind !== "digest").length,
    left,
  };
  const summary = isWhole ? { looked_at: lookedAt, ...summarizeCycle(counts, found) } : undefined;
  await recordCycle(polling, publication, summary);
  const settled = withoutSwaps(snapshot.facts);
  const unpublished = publication.skipped.map(({ container }) => container);
  return {
    outcome: publication.outcome,
    isWhole,
    seen: settled.length,
    isThere,
    ...counts,
    rest: publication.rest.flatMap(({ entries }) => entries.map(({ facts }) => facts.name)),
    due: plan.groups
      .flatMap(({ entries }) => entries.map(({ facts }) => facts))
      .filter((facts) => !unpublished.includes(facts)),
    ignoredLabels: ignoredLabelsOf(polling, settled),
    ...(snapshot.swarm !== undefined && { swarm: snapshot.swarm }),
    unseen: snapshot.unseen,
    lagging: [...lags].map(([image, { mirror, serves, upstream }]) => ({ image, mirror, serves, upstream })),
    ...(advice !== undefined && { advice }),
    warnings: warningsAbout(settled, polling.settings),
    unknownNames: unknownNamesOn(polling, snapshot),
  };
}

/** Names in settings that no container on any Engine bears; returned once, after every Engine has been read. */
function unknownNamesOn(
  { census, host, settings }: Polling,
  { facts, unseen }: EngineSnapshot,
): readonly string[] {
  const names = census.addNames(
    host.name,
    [...facts, ...unseen].map(({ name }) => userGivenName(name)),
  );
  return names === undefined ? [] : unknownNames(names, settings);
}

/** Labels that do not count because an image sets them and they affect others. Our own image's are intended. */
const ignoredLabelsOf = (
  { host, settings }: Polling,
  all: readonly ContainerFacts[],
): PollCycle["ignoredLabels"] =>
  all
    .filter(({ id }) => !host.own.includes(id))
    .map(({ name, ignored = [] }) => ({
      container: name,
      labels: selectReportableLabels(ignored, settings.COMPAT_LABELS),
    }))
    .filter(({ labels }) => labels.length > 0);

/** Tries until NATS accepts the record: the plan is already published. A request for one container has no summary. */
export async function recordCycle(
  polling: Polling,
  { outcome, groups }: Publication,
  summary?: ReturnType<typeof summarizeCycle> & Pick<CycleSummary, "looked_at">,
): Promise<void> {
  const at = iso(polling.clock.now());
  const mode = modeOf(polling.settings);
  await retryUpdateHostRecord(polling, "waiting for NATS to note the cycle", ({ announced, ...before }) => ({
    last_poll: at,
    ...(polling.origins.known.size > 0 && { known_images: [...polling.origins.known] }),
    budgets: polling.registries.budgets,
    ...(summary !== undefined && {
      cycle: {
        ...summary,
        mode,
        socket: polling.host.engine.socket,
        next_poll: polling.nextPollAt?.() ?? null,
      },
    }),
    ...(polling.mirrors.record !== undefined && { mirrors: polling.mirrors.record }),
    ...(outcome.kind === "published" && {
      acted: mode === "update" || hasActed(before),
      last_plan: { run: outcome.run, at, containers: [...outcome.containers] },
    }),
    ...(mode === "monitor" && {
      announced: [...new Set([...announced, ...groups.map(fingerprint)])].slice(-REMEMBERED),
    }),
  }));
}
