// A question, and the event that asks it: what it says beside the locals of its hook. Pure.
import type { EarlierVerdict, HookName, Locals, Mode } from "../../../shared/contract/hooks.ts";
import { redactLocals } from "../../../shared/containers/event-redaction.ts";
import { type CloudEvent, MAX_EVENT_BYTES, makeEvent } from "../../../shared/contract/messages.ts";
import type { AskedParticipant } from "../../../shared/contract/participants.ts";
import type { DecisionRecord } from "../../../shared/contract/run-records.ts";
import type { Host } from "../../../shared/runtime/run-service.ts";

export interface GateQuestion<N extends HookName> {
  readonly hook: N;
  /** Name of the container; null for a hook of the whole run. */
  readonly container: string | null;
  readonly locals: Locals<N>;
  readonly reason: string;
  /** While something is stopped that others need. Milliseconds. */
  readonly atMost?: number;
  /** The event is in the stream already, since then (server time, milliseconds). */
  readonly publishedAt?: number;
}

const MOST_REASON = 4000;
/** How many earlier decisions of its run an event tells, and how much of each one's reason. */
const EARLIER = 20;
const REASON = 200;

interface EventFacts {
  readonly id: string;
  readonly host: Host;
  readonly run: string;
  readonly mode: Mode;
  /** RFC 3339. */
  readonly time: string;
  readonly asked: readonly AskedParticipant[];
  /** All of the run so far. */
  readonly decided: readonly DecisionRecord[];
  /** EVENT_LABELS */
  readonly labels: readonly string[];
}

/** Of the locals; the rest is what every event says. */
const MOST_BYTES = MAX_EVENT_BYTES - 48 * 1024;

export function makeGateEvent<N extends HookName>(
  it: GateQuestion<N>,
  { id, host, run, mode, time, asked, decided, labels }: EventFacts,
): CloudEvent {
  const context = {
    ...{ host: host.name, engine_id: host.engine.id, run, mode, reason: it.reason.slice(0, MOST_REASON) },
    asked: asked.map(({ name }) => name),
    verdicts: decided.slice(-EARLIER).map(summarizeVerdict),
  };
  const locals = redactLocals(it.locals, labels, MOST_BYTES);
  return makeEvent({ ...it, locals, id, service: "updater", time, context });
}

const summarizeVerdict = ({ hook, container, verdict, by, reason }: DecisionRecord): EarlierVerdict => ({
  ...{ hook, container, verdict },
  ...(by !== undefined && { by }),
  ...(reason !== undefined && {
    reason: reason.length > REASON ? `${reason.slice(0, REASON - 1)}…` : reason,
  }),
});
