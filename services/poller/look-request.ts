// What an operator asks to know: which images are newer, now. Nothing is planned for it.
import { iso } from "../../shared/clock.ts";
import { type ContainerFacts, hasNameOrId } from "../../shared/containers/container-facts.ts";
import { explain } from "../../shared/errors.ts";
import { type FoundUpdates, findUpdates } from "./find-updates.ts";
import { HostNameTaken } from "./host-record.ts";
import type { Candidate, SkippedContainer } from "./plan.ts";
import type { Polling } from "./polling.ts";
import { RECENT_MS } from "./recent-answers.ts";

export interface LookRequest {
  readonly kind: "look";
  /** Name, id, or the start of an id; all where undefined. */
  readonly container: string | undefined;
  /** Registries are asked, however recent their answers are. */
  readonly fresh: boolean;
}

/** What `ouroboros check` tells of one container. */
export interface CheckedContainer {
  readonly container: string;
  readonly id: string;
  readonly image: string;
  /** `left`: left alone, so that nothing newer counts for it; `unknown`: the registry gave no digest. */
  readonly state: "newer" | "current" | "left" | "unknown";
  readonly because: string;
  /** The registry's digest of its tag. */
  readonly digest: string | null;
  /** Those by which the registry may know the image that it runs. */
  readonly runs: readonly string[];
  /** RFC 3339: when the registry said so. */
  readonly said_at: string | null;
}

/** @throws HostNameTaken, and what NATS throws when it is closed for good. */
export async function answerLook(polling: Polling, { container: only, fresh }: LookRequest): Promise<object> {
  try {
    const search = { ...(only !== undefined && { only }), recentMs: fresh ? 0 : RECENT_MS };
    const updates = await findUpdates(polling, search);
    const isWanted = (facts: ContainerFacts): boolean => only === undefined || hasNameOrId(facts, only);
    const unseen = updates.sight.unseen.filter(({ name }) => only === undefined || name === only);
    return {
      looked_at: iso(polling.clock.now()),
      containers: updates.sight.facts
        .filter(isWanted)
        .map((facts) => describeChecked(facts, updates, polling)),
      unseen,
      ...(updates.advice !== undefined && { advice: updates.advice }),
      names: updates.sight.facts.map(({ name }) => name),
    };
  } catch (error) {
    if (error instanceof HostNameTaken || polling.nats.isClosed()) throw error;
    return { error: explain(error) };
  }
}

function describeChecked(
  facts: ContainerFacts,
  updates: FoundUpdates,
  { registries }: Pick<Polling, "registries">,
): CheckedContainer {
  const candidate = updates.candidates.find((one) => one.facts === facts);
  const left = [...updates.choice.skipped, ...updates.plan.skipped].find(
    ({ container }) => container === facts,
  );
  const answer = candidate && updates.answers.get(candidate.ref.familiar);
  const lag = candidate && updates.lags.get(candidate.ref.familiar);
  const saidAt = candidate && registries.recent.saidAt(candidate.ref);
  return {
    container: facts.name,
    id: facts.id,
    image: facts.reference,
    state: stateOf(candidate, left, updates),
    because: left?.because ?? "an update is due",
    digest: lag?.upstream ?? (answer?.kind === "digest" ? answer.digest : null),
    runs: candidate?.digests ?? [],
    said_at: saidAt === undefined ? null : iso(saidAt),
  };
}

function stateOf(
  candidate: Candidate | undefined,
  left: SkippedContainer | undefined,
  { answers, strangers }: FoundUpdates,
): CheckedContainer["state"] {
  if (candidate === undefined) return "left";
  if (answers.get(candidate.ref.familiar)?.kind !== "digest") return "unknown";
  if (left?.because === "current") return "current";
  return strangers.has(candidate.facts.name) ? "left" : "newer";
}
