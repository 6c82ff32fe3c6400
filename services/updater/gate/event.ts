// The event of a question: what it says beside the locals of its hook. Pure.
import type { EarlierVerdict, HookName, Mode } from "../../../shared/hooks.ts";
import { type CloudEvent, makeEvent } from "../../../shared/messages.ts";
import type { Asked } from "../../../shared/participants.ts";
import type { Decided } from "../../../shared/run-records.ts";
import type { Host } from "../../../shared/run-service.ts";
import type { Asking } from "./gate.ts";

/** How many earlier decisions of its run an event tells, and how much of each one's reason. */
const EARLIER = 20;
const REASON = 200;

interface Told {
  readonly id: string;
  readonly host: Host;
  readonly run: string;
  readonly mode: Mode;
  /** RFC 3339. */
  readonly time: string;
  readonly asked: readonly Asked[];
  /** All of the run so far. */
  readonly decided: readonly Decided[];
}

export function eventOf<N extends HookName>(
  it: Asking<N>,
  { id, host, run, mode, time, asked, decided }: Told,
): CloudEvent {
  const context = {
    ...{ host: host.name, engine_id: host.engine.id, run, mode, reason: it.reason },
    asked: asked.map(({ name }) => name),
    verdicts: decided.slice(-EARLIER).map(briefly),
  };
  return makeEvent({ ...it, id, service: "updater", time, context });
}

const briefly = ({ hook, container, verdict, by, reason }: Decided): EarlierVerdict => ({
  ...{ hook, container, verdict },
  ...(by !== undefined && { by }),
  ...(reason !== undefined && {
    reason: reason.length > REASON ? `${reason.slice(0, REASON - 1)}…` : reason,
  }),
});
