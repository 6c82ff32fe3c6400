// A question to the participants, and the event that carries it: what the event says beside the locals of its hook.
// Pure.
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
  /** The longest wait, while something that others need is stopped. Milliseconds. */
  readonly atMost?: number;
  /** The event, if somebody else has published it: when (server time, milliseconds), and as what. */
  readonly published?: { readonly at: number; readonly text: string };
}

const MAX_REASON_LENGTH = 4000;
/** How many earlier decisions of its run an event lists, and how many characters of each reason. */
const MAX_EARLIER_VERDICTS = 20;
const MAX_EARLIER_REASON_LENGTH = 200;

interface EventFacts {
  readonly id: string;
  readonly host: Host;
  readonly run: string;
  readonly mode: Mode;
  /** RFC 3339. */
  readonly time: string;
  readonly asked: readonly AskedParticipant[];
  /** All decisions of the run so far. */
  readonly decided: readonly DecisionRecord[];
  /** EVENT_LABELS */
  readonly labels: readonly string[];
}

/** For the locals; the rest is for what every event contains. */
const MAX_LOCALS_BYTES = MAX_EVENT_BYTES - 48 * 1024;

export function makeGateEvent<N extends HookName>(
  question: GateQuestion<N>,
  { id, host, run, mode, time, asked, decided, labels }: EventFacts,
): CloudEvent {
  const context = {
    ...{
      host: host.name,
      engine_id: host.engine.id,
      run,
      mode,
      reason: question.reason.slice(0, MAX_REASON_LENGTH),
    },
    asked: asked.map(({ name }) => name),
    verdicts: decided.slice(-MAX_EARLIER_VERDICTS).map(summarizeVerdict),
  };
  const locals = redactLocals(question.locals, labels, MAX_LOCALS_BYTES);
  return makeEvent({ ...question, locals, id, service: "updater", time, context });
}

const summarizeVerdict = ({ hook, container, verdict, by, reason }: DecisionRecord): EarlierVerdict => ({
  ...{ hook, container, verdict },
  ...(by !== undefined && { by }),
  ...(reason !== undefined && {
    reason:
      reason.length > MAX_EARLIER_REASON_LENGTH
        ? `${reason.slice(0, MAX_EARLIER_REASON_LENGTH - 1)}…`
        : reason,
  }),
});
