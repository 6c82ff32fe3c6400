// `ouroboros check`: which images are newer right now. Nothing is planned.
import { iso } from "../../shared/clock.ts";
import { reasonOf } from "../../shared/catalogue/entry.ts";
import { dueReasons } from "../../shared/catalogue/due-reasons.ts";
import { type ContainerFacts, hasNameOrId } from "../../shared/containers/container-facts.ts";
import { explain } from "../../shared/errors.ts";
import { type FoundUpdates, findUpdates } from "./cycle/find-updates.ts";
import { HostNameTaken } from "./host-record.ts";
import type { TagReport } from "../../shared/contract/payloads.ts";
import { type Candidate, type SkippedContainer, answerFor } from "./plan/plan.ts";
import type { Polling } from "./polling.ts";
import { modeOf } from "./plan/publish-plan.ts";
import { RECENT_MS } from "./recent-answers.ts";
import type { FollowedTag } from "./tags/followed-tag.ts";

export interface LookRequest {
  readonly kind: "look";
  /** Name, id, or the start of an id; undefined for all containers. */
  readonly container: string | undefined;
  /** Ask the registries even where their last answers are recent. */
  readonly fresh: boolean;
}

/** What `ouroboros check` reports for one container. */
export interface CheckedContainer {
  readonly container: string;
  readonly id: string;
  readonly image: string;
  /** `left`: left alone, so a newer image does not count; `unknown`: the registry gave no digest. */
  readonly state: "newer" | "current" | "left" | "unknown";
  readonly because: string;
  /** The registry's digest of its tag. */
  readonly digest: string | null;
  /** The digests under which the registry may have the image it runs. */
  readonly runs: readonly string[];
  /** RFC 3339: when the registry answered. */
  readonly said_at: string | null;
  /** Where it has a tag policy. */
  readonly tag?: TagReport;
}

/** @throws HostNameTaken, and the NATS client's error once its connection is closed for good. */
export async function answerLook(polling: Polling, { container: only, fresh }: LookRequest): Promise<object> {
  try {
    const search = { ...(only !== undefined && { only }), recentMs: fresh ? 0 : RECENT_MS };
    const updates = await findUpdates(polling, search);
    const isWanted = (facts: ContainerFacts): boolean => only === undefined || hasNameOrId(facts, only);
    const unseen = updates.snapshot.unseen.filter(({ name }) => only === undefined || name === only);
    return {
      looked_at: iso(polling.clock.now()),
      containers: updates.snapshot.facts
        .filter(isWanted)
        .map((facts) => describeChecked(facts, updates, polling)),
      unseen,
      ...(updates.snapshot.swarm !== undefined && { swarm: updates.snapshot.swarm }),
      ...(updates.advice !== undefined && { advice: updates.advice }),
      names: updates.snapshot.facts.map(({ name }) => name),
    };
  } catch (error) {
    if (error instanceof HostNameTaken || polling.nats.isClosed()) throw error;
    return { error: explain(error) };
  }
}

const DUE = { update: dueReasons.due, monitor: dueReasons.monitored, dry_run: dueReasons.dryRun } as const;

function describeChecked(
  facts: ContainerFacts,
  updates: FoundUpdates,
  { registries, settings }: Pick<Polling, "registries" | "settings">,
): CheckedContainer {
  const candidate = updates.candidates.find((entry) => entry.facts === facts);
  const skipped = [...updates.choice.skipped, ...updates.plan.skipped].find(
    ({ container }) => container === facts,
  );
  const answer = candidate && answerFor(candidate, updates.answers);
  const lag = candidate && updates.lags.get(candidate.ref.familiar);
  const saidAt = candidate && registries.recent.saidAt(candidate.ref);
  return {
    container: facts.name,
    id: facts.id,
    image: facts.reference,
    state: stateOf(candidate, skipped, updates),
    because: skipped?.because ?? reasonOf(DUE[modeOf(settings)]),
    digest: lag?.upstream ?? (answer?.kind === "digest" ? answer.digest : null),
    runs: candidate?.digests ?? [],
    said_at: saidAt === undefined ? null : iso(saidAt),
    ...(candidate?.followed?.kind === "follows" && { tag: reportTag(candidate.followed) }),
  };
}

const reportTag = ({
  policy,
  own,
  tag: follows,
  passedOver,
  beyond,
  isUnordered,
}: FollowedTag & { readonly kind: "follows" }): TagReport => ({
  ...{ policy, own, follows, passed_over: [...passedOver] },
  ...(beyond !== undefined && { beyond }),
  ...(isUnordered && { is_unordered: true }),
});

function stateOf(
  candidate: Candidate | undefined,
  skipped: SkippedContainer | undefined,
  { answers, strangers }: FoundUpdates,
): CheckedContainer["state"] {
  if (candidate === undefined) return "left";
  if (answerFor(candidate, answers).kind !== "digest") return "unknown";
  if (skipped?.because === "current") return "current";
  return strangers.has(candidate.facts.name) ? "left" : "newer";
}
