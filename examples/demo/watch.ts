// What anyone with a connection can see of an update: the hook events, the journal, and the Engine's own events. The
// journal says who was asked, what they said and how a container ended; the Engine says what was done to it.
import type Docker from "dockerode";
import type { NatsConnection } from "nats";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import * as z from "zod";
import { CloudEvent, parseJson } from "../../shared/contract/messages.ts";
import { type RunRecord, parseRunRecord } from "../../shared/contract/run-records.ts";
import type { App } from "./app.ts";
import { EngineEvent, EngineSteps } from "./engine-steps.ts";
import type { Outcome, Tell } from "./happenings.ts";
import type { InOrder } from "./in-order.ts";

export interface Watch extends Disposable {
  readonly outcomes: readonly Outcome[];
  /** How many runs are over. */
  readonly finished: () => number;
}

interface Seen {
  readonly nats: NatsConnection;
  readonly docker: Docker;
  readonly app: App;
  readonly order: InOrder;
}

export async function watch({ nats, docker, app, order }: Seen, tell: Tell): Promise<Watch> {
  const steps = new EngineSteps();
  const outcomes: Outcome[] = [];
  const runs = new Set<string>();
  const pair = pairHooks();
  const onRecord = (record: RunRecord, tellNow: Tell): void => {
    pair(record, tellNow);
    tellRecord(record, tellNow, steps);
    if (record.kind === "ended") outcomes.push(tellEnd(record, { app, steps, tell: tellNow }));
    if (record.kind === "finished") runs.add(record.run);
  };
  const tellAt =
    (time: number): Tell =>
    (happening) =>
      tell(happening, time);
  subscribe(nats, "ouroboros.hook.*.*.*.*", (text) => {
    const event = CloudEvent.safeParse(parseJson(text)).data;
    if (event === undefined) return; // a notice: the journal says it too
    const time = Date.parse(event.time);
    order.push(time, () => pair(event, tellAt(time)));
  });
  subscribe(nats, "ouroboros.run.*.*", (text) => {
    const record = parseRunRecord(text);
    if (record === undefined) return; // "open" is no record of a run
    const time = Date.parse(record.at);
    order.push(time, () => onRecord(record, tellAt(time)));
  });
  await nats.flush();
  const events = await engineEvents(docker, (event) => {
    const time = event.timeNano / 1e6;
    order.push(time, () => {
      const step = steps.take(event);
      if (step !== undefined) tell({ event: "step", ...step }, time);
    });
  });
  return { outcomes, finished: () => runs.size, [Symbol.dispose]: () => void events.destroy() };
}

function subscribe(nats: NatsConnection, subject: string, take: (text: string) => void): void {
  nats.subscribe(subject, { callback: (_error, message) => take(message.string()) });
}

async function engineEvents(docker: Docker, take: (event: EngineEvent) => void): Promise<Readable> {
  const events: unknown = await docker.getEvents({ filters: { type: ["container"] } });
  if (!(events instanceof Readable)) throw new Error("the Engine's events are no stream");
  createInterface(events).on("line", (line) => {
    const event = EngineEvent.safeParse(parseJson(line)).data;
    if (event !== undefined) take(event);
  });
  return events;
}

/** An event and who is asked, told together: of a plan the event comes first, of other hooks the record. */
function pairHooks(): (one: CloudEvent | RunRecord, tell: Tell) => void {
  const reasons = new Map<string, string>();
  const waiting = new Map<string, RunRecord & { readonly kind: "waiting" }>();
  const Reason = z.object({ reason: z.string() });
  return (one, tell) => {
    if ("specversion" in one) reasons.set(one.id, Reason.parse(one.data).reason);
    else if (one.kind === "waiting") waiting.set(one.event, one);
    else return;
    const event = "specversion" in one ? one.id : one.event;
    const [reason, record] = [reasons.get(event), waiting.get(event)];
    if (reason === undefined || record === undefined) return;
    const { hook, container, participants } = record;
    tell({ event: "hook", hook, container, reason, asked: participants.map(({ name }) => name) });
  };
}

function tellRecord(record: RunRecord, tell: Tell, steps: EngineSteps): void {
  if (record.kind === "decided") {
    const { hook, container, verdicts, verdict, by } = record;
    for (const { participant, verdict: word, reason, ms } of verdicts)
      tell({ event: "verdict", hook, container, participant, verdict: word, reason, ms });
    tell({ event: "decided", hook, container, verdict, by });
  } else if (record.kind === "did") {
    const { container, step, ms } = record;
    tell({ event: "step", container, step, ms, down_ms: steps.takeRestart(container) });
  } else if (record.kind === "swapped") {
    const proof = record.steps.find(({ step }) => step.startsWith("prove"));
    if (proof !== undefined)
      tell({ event: "step", container: record.container, ...proof, down_ms: undefined });
  }
}

function tellEnd(
  { container, from, to, end, because }: RunRecord & { readonly kind: "ended" },
  { app, steps, tell }: { readonly app: App; readonly steps: EngineSteps; readonly tell: Tell },
): Outcome {
  const outcome = {
    container,
    from: app.versionOf(from),
    to: app.versionOf(to),
    end,
    downtime_ms: steps.takeDowntime(container),
    because,
  };
  tell({ event: "ended", ...outcome });
  return outcome;
}

const ScriptLine = z.object({ script: z.string(), line: z.string(), time: z.string() });

/** What hook scripts print is in the hook-executor's log. */
export function tellScripts(order: InOrder, tell: Tell): (line: string) => void {
  return (text) => {
    const said = ScriptLine.safeParse(parseJson(text)).data;
    if (said === undefined) return;
    const { script, line, time } = said;
    order.push(Date.parse(time), () => tell({ event: "script", script, line }, Date.parse(time)));
  };
}
