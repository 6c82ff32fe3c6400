// A question, and the event that asks it: what it says beside the locals of its hook. Pure.
import type { EarlierVerdict, HookName, Locals, Mode } from "../../../shared/hooks.ts";
import { type CloudEvent, makeEvent } from "../../../shared/messages.ts";
import type { Asked } from "../../../shared/participants.ts";
import type { Decided } from "../../../shared/run-records.ts";
import type { Host } from "../../../shared/run-service.ts";

export interface Asking<N extends HookName> {
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
