// What an operator asks of one container: to look now and update it, whatever is held, or to go back to the image
// before. Either becomes an ordinary plan, or an answer that says why not.
import { isMeant, whyLeftAlone } from "../../shared/container-facts.ts";
import { explain } from "../../shared/errors.ts";
import { parseImageRef } from "../../shared/image-ref.ts";
import { ourselvesOf } from "../../shared/ourselves.ts";
import { lastUpdate, whyNoWayBack } from "../../shared/past-updates.ts";
import { whyUnwatched } from "../../shared/watch-list.ts";
import { cycle, note } from "./cycle.ts";
import { HostTaken } from "./host-record.ts";
import { type Left, planOf } from "./plan.ts";
import type { Polling } from "./polling.ts";
import { type CycleOutcome, modeOf, publishPlan } from "./publish.ts";
import { lookAt } from "./watch.ts";

export interface Wish {
  readonly kind: "update" | "rollback";
  /** Name, id, or the start of an id. */
  readonly container: string;
}

export type RequestResult =
  | { readonly kind: "begun"; readonly run: string }
  | { readonly kind: "current" }
  | { readonly kind: "left" | "busy" | "failed" | "unknown"; readonly because: string };

/** @throws HostTaken, and what NATS throws when it is closed for good. */
export async function grant(polling: Polling, { kind, container }: Wish): Promise<RequestResult> {
  polling.log.info({ container, kind }, "asked for by the operator");
  try {
    return await (kind === "update" ? updateNow(polling, container) : rollBack(polling, container));
  } catch (error) {
    if (error instanceof HostTaken || polling.nats.isClosed()) throw error;
    return { kind: "failed", because: explain(error) };
  }
}

async function updateNow(polling: Polling, container: string): Promise<RequestResult> {
  const { outcome, left, isThere } = await cycle(polling, { only: container });
  return isThere ? grantedOf(outcome, left, container) : UNKNOWN;
}

const UNKNOWN = { kind: "unknown", because: "there is no such container" } as const;

function grantedOf(outcome: CycleOutcome, left: readonly Left[], container: string): RequestResult {
  switch (outcome.kind) {
    case "published":
      return { kind: "begun", run: outcome.run };
    case "waiting":
      return { kind: "busy", because: outcome.because };
    case "nothing due": {
      const because = left.find((one) => isMeant(one.container, container))?.because ?? "nothing is due";
      return because === "current" ? { kind: "current" } : { kind: "left", because };
    }
  }
}

async function rollBack(polling: Polling, container: string): Promise<RequestResult> {
  const { host, settings, manager, signal, clock } = polling;
  const sight = await lookAt(host.engine, signal);
  const facts = sight.facts.find((one) => isMeant(one, container));
  if (facts === undefined) return UNKNOWN;
  const last = await lastUpdate(manager, { host: host.name, container: facts.name });
  const because =
    (modeOf(settings) === "update" ? undefined : "MONITOR_ONLY: nothing is touched on this host") ??
    whyUnwatched(facts, settings) ??
    whyLeftAlone(facts, sight.facts, { ...ourselvesOf(host, settings), update: false }) ??
    whyNoWayBack(last, facts.imageId);
  const ref = parseImageRef(facts.reference);
  if (because !== undefined || ref === undefined) return { kind: "left", because: because ?? "no tag" };
  const digest = last?.from_digest?.split("@")[1] ?? last?.from ?? "";
  const plan = planOf({
    candidates: [{ facts, ref, digests: [], isProven: true }],
    answers: new Map([[ref.familiar, { kind: "digest", digest }]]),
    held: new Map(),
    all: sight.facts,
    now: clock.now(),
    compat: [],
  });
  const publication = await publishPlan(polling, plan.groups, sight, ROLLBACK);
  await note(polling, publication);
  return grantedOf(publication.outcome, [...plan.left, ...publication.left], container);
}

const ROLLBACK = { reason: "rollback asked for by the operator", rollback: true } as const;
