// The operator's requests for one container: update it now, even if it is held, or roll it back to the image before.
// Each becomes an ordinary plan, or an answer that says why not.
import type { RequestResult } from "../../shared/contract/request-result.ts";
import { hasNameOrId } from "../../shared/containers/container-facts.ts";
import { explain } from "../../shared/errors.ts";
import { type ImageRef, parseImageRef, withTag } from "../../shared/registry/image-ref.ts";
import { isSameRepository } from "../../shared/registry/provenance.ts";
import { makeSelfUpdatePolicy } from "../../shared/containers/self-update-policy.ts";
import { findLastUpdate, whyNoRollback } from "../../shared/nats/past-updates.ts";
import { whyLeftAlone } from "../../shared/containers/watch-list.ts";
import { askedBy, recordCycle, runCycle } from "./cycle/cycle.ts";
import { HostNameTaken } from "./host-record.ts";
import { type SkippedContainer, makePlan } from "./plan/plan.ts";
import type { Polling } from "./polling.ts";
import { type CycleOutcome, modeOf, publishPlan } from "./plan/publish-plan.ts";
import { type EngineSnapshot, takeEngineSnapshot } from "./engine-snapshot.ts";

export interface OperatorRequest {
  readonly kind: "update" | "rollback";
  /** Name, id, or the start of an id. */
  readonly container: string;
  /** The person who asks, where a service asks for one. */
  readonly by?: string | undefined;
}

/** @throws HostNameTaken, and the NATS client's error once its connection is closed for good. */
export async function handleOperatorRequest(
  polling: Polling,
  request: OperatorRequest,
): Promise<RequestResult> {
  const { kind, container, by } = request;
  polling.log.info({ container, kind, ...(by !== undefined && { by }) }, "asked for by the operator");
  try {
    return await (kind === "update" ? updateNow(polling, request) : rollBack(polling, request));
  } catch (error) {
    if (error instanceof HostNameTaken || polling.nats.isClosed()) throw error;
    return { kind: "failed", because: explain(error) };
  }
}

async function updateNow(polling: Polling, { container, by }: OperatorRequest): Promise<RequestResult> {
  const { outcome, left, isThere, swarm } = await runCycle(polling, { only: container, by });
  return isThere ? requestResultOf(outcome, left, container) : noSuchContainer(swarm);
}

/** A service is not seen where this Engine does not lead its swarm. */
const noSuchContainer = (swarm: EngineSnapshot["swarm"]): RequestResult => ({
  kind: "unknown",
  because: `there is no such container${swarm === undefined ? "" : `; ${swarm.because}`}`,
});

function requestResultOf(
  outcome: CycleOutcome,
  skipped: readonly SkippedContainer[],
  container: string,
): RequestResult {
  switch (outcome.kind) {
    case "published":
      return { kind: "begun", run: outcome.run };
    case "waiting":
      return { kind: "busy", because: outcome.because };
    case "nothing due": {
      const because =
        skipped.find((entry) => hasNameOrId(entry.container, container))?.because ?? "nothing is due";
      return because === "current" ? { kind: "current" } : { kind: "left", because };
    }
  }
}

/** Where its last update gave it another tag, the one before. The updater goes by its own records. */
function earlierReference(reference: string, before = reference): ImageRef | undefined {
  const [ref, earlier] = [reference, before].map(parseImageRef);
  return ref && earlier && isSameRepository(ref, earlier) ? withTag(ref, earlier.tag) : ref;
}

async function rollBack(polling: Polling, { container, by }: OperatorRequest): Promise<RequestResult> {
  const { host, settings, manager, signal, clock } = polling;
  const snapshot = await takeEngineSnapshot(host, settings, signal);
  const facts = snapshot.facts.find((candidate) => hasNameOrId(candidate, container));
  if (facts === undefined) return noSuchContainer(snapshot.swarm);
  const selfUpdate = { ...makeSelfUpdatePolicy(host, settings), update: false };
  const last = await findLastUpdate(manager, { host: host.name, container: facts.name });
  const because =
    (modeOf(settings) === "update" ? undefined : "MONITOR_ONLY: nothing is touched on this host") ??
    whyLeftAlone(facts, { settings, all: snapshot.facts, selfUpdate }) ??
    whyNoRollback(last, facts.imageId);
  const ref = earlierReference(facts.reference, last?.image);
  if (because !== undefined || ref === undefined) return { kind: "left", because: because ?? "no tag" };
  const digest = last?.from_digest?.split("@")[1] ?? last?.from ?? "";
  const plan = makePlan({
    candidates: [{ facts, ref, digests: [], isProven: true }],
    answers: new Map([[ref.familiar, { kind: "digest", digest }]]),
    held: new Map(),
    all: snapshot.facts,
    now: clock.now(),
    compat: [],
  });
  const publication = await publishPlan(polling, plan.groups, snapshot, {
    reason: askedBy("rollback", by),
    rollback: true,
  });
  await recordCycle(polling, publication);
  return requestResultOf(publication.outcome, [...plan.skipped, ...publication.skipped], container);
}
