// One cycle: look at the Engine, ask the registries, decide, publish.
import { iso } from "../../shared/clock.ts";
import type { ContainerFacts } from "../../shared/containers/container-facts.ts";
import { selectReportableLabels } from "../../shared/containers/effective-labels.ts";
import type { UninspectableContainer } from "../../shared/containers/inspect-all.ts";
import { type ContainerWarning, containerWarnings, unknownNames } from "./container-warnings.ts";
import { findUpdates } from "./find-updates.ts";
import { retryUpdateHostRecord } from "./host-record.ts";
import { hasActed } from "./first-start.ts";
import type { MirrorLag } from "./mirror-lag.ts";
import type { SkippedContainer } from "./plan.ts";
import { fingerprint } from "./plan-event.ts";
import type { Polling } from "./polling.ts";
import type { EngineSnapshot } from "./engine-snapshot.ts";
import { type CycleOutcome, type Publication, modeOf, publishPlan } from "./publish-plan.ts";

/** How many groups are remembered as told. */
const REMEMBERED = 1000;

export interface PollCycle {
  readonly outcome: CycleOutcome;
  /** How many containers there are, and of how many the registry was asked. */
  readonly seen: number;
  readonly asked: number;
  /** Whether there is any container that it was about. */
  readonly isThere: boolean;
  /** Names that are due but wait for the next plan. */
  readonly rest: readonly string[];
  /** All that is due, whatever becomes of it. */
  readonly due: readonly ContainerFacts[];
  readonly left: readonly SkippedContainer[];
  /** Labels that a container has from its image and that do not count. */
  readonly ignoredLabels: readonly { readonly container: string; readonly labels: readonly string[] }[];
  /** Left alone because the Engine could not show them. */
  readonly unseen: readonly UninspectableContainer[];
  /** What a mirror of the Engine's serves otherwise than its registry has it: digests. */
  readonly lagging: readonly LaggingImage[];
  /** How many of those that were asked for got no answer. */
  readonly unanswered: number;
  /** What to set so that more can be asked. */
  readonly advice?: string;
  readonly warnings: readonly ContainerWarning[];
  /** Names in settings that no container bears; told in the first cycle only. */
  readonly unknownNames: readonly string[];
}

export interface LaggingImage extends Pick<MirrorLag, "mirror" | "serves" | "upstream"> {
  readonly image: string;
}

/** Nothing was learned: no registry gave a digest for any image. */
export const gotNoAnswers = ({ asked, unanswered }: Pick<PollCycle, "asked" | "unanswered">): boolean =>
  asked > 0 && unanswered === asked;

interface CycleExtent {
  /** Names that are left alone because this program dealt with them already. */
  readonly except?: ReadonlySet<string>;
  /** Name or id of the one container that the operator asks for: whatever is held for it. */
  readonly only?: string;
}

const ASKED = { reason: "update asked for by the operator" };

/**
 * @throws what the Engine's and NATS' clients throw where one is away, and HostNameTaken.
 */
export async function runCycle(polling: Polling, { except, only }: CycleExtent = {}): Promise<PollCycle> {
  const found = await findUpdates(polling, {
    ...(except !== undefined && { except }),
    ...(only !== undefined && { only, despiteHolds: true as const }),
  });
  const { sight, choice, candidates, answers, advice, plan, isThere, lags } = found;
  if (only === undefined && modeOf(polling.settings) === "update")
    polling.firstStart.announce(polling.log, plan.groups, candidates.length);
  const publication = await publishPlan(polling, plan.groups, sight, only === undefined ? undefined : ASKED);
  await recordCycle(polling, publication);
  const leftToo = publication.skipped.map(({ container }) => container);
  return {
    outcome: publication.outcome,
    seen: sight.facts.length,
    isThere,
    asked: candidates.length,
    rest: publication.rest.flatMap(({ entries }) => entries.map(({ facts }) => facts.name)),
    due: plan.groups
      .flatMap(({ entries }) => entries.map(({ facts }) => facts))
      .filter((facts) => !leftToo.includes(facts)),
    left: [...choice.skipped, ...plan.skipped, ...publication.skipped],
    ignoredLabels: ignoredLabelsOf(polling, sight.facts),
    unseen: sight.unseen,
    lagging: [...lags].map(([image, { mirror, serves, upstream }]) => ({ image, mirror, serves, upstream })),
    unanswered: candidates.filter(({ ref }) => answers.get(ref.familiar)?.kind !== "digest").length,
    ...(advice !== undefined && { advice }),
    warnings: containerWarnings(sight.facts, polling.settings),
    unknownNames: unknownNamesOn(polling, sight),
  };
}

/** Nobody's names, in the cycle in which the last Engine was looked at. */
function unknownNamesOn(
  { census, host, settings }: Polling,
  { facts, unseen }: EngineSnapshot,
): readonly string[] {
  const names = census.addNames(
    host.name,
    [...facts, ...unseen].map(({ name }) => name),
  );
  return names === undefined ? [] : unknownNames(names, settings);
}

/** Labels of images that concern others and so do not count. Our own image bears some, as it should. */
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

/** Patiently: what was published stays published, whatever becomes of this. */
export async function recordCycle(polling: Polling, { outcome, groups }: Publication): Promise<void> {
  const at = iso(polling.clock.now());
  const mode = modeOf(polling.settings);
  await retryUpdateHostRecord(polling, "waiting for NATS to note the cycle", ({ announced, ...before }) => ({
    last_poll: at,
    ...(polling.origins.known.size > 0 && { known_images: [...polling.origins.known] }),
    budgets: polling.registries.budgets,
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
