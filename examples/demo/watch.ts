// What anyone with a connection can see of an update: the hook events, the journal, and the Engine's own events. The
// journal says who was asked, what they said and how a container ended; the Engine says what was done to it.
import type Docker from "dockerode";
import type { NatsConnection } from "nats";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { z } from "zod";
import { CloudEvent, parseJson } from "../../shared/messages.ts";
import { RunRecord } from "../../shared/run-records.ts";
import type { App } from "./app.ts";
import { EngineEvent, EngineSteps } from "./engine-steps.ts";
import type { Outcome, Tell } from "./happenings.ts";

export interface Watch extends Disposable {
  readonly outcomes: readonly Outcome[];
  /** How many runs are over. */
  readonly finished: () => number;
}

interface Seen {
  readonly nats: NatsConnection;
  readonly docker: Docker;
  readonly app: App;
}

export async function watch({ nats, docker, app }: Seen, tell: Tell): Promise<Watch> {
  const steps = new EngineSteps();
  const outcomes: Outcome[] = [];
  const runs = new Set<string>();
  const onHook = tellHooks(tell);
  const onRecord = (record: RunRecord): void => {
    onHook(record);
    tellRecord(record, tell, steps);
    if (record.kind === "ended") outcomes.push(tellEnd(record, { app, steps, tell }));
    if (record.kind === "finished") runs.add(record.run);
  };
  subscribe(nats, "ouroboros.hook.*.*.*.*", (text) => onHook(CloudEvent.parse(parseJson(text))));
  subscribe(nats, "ouroboros.run.*.*", (text) => {
    const record = RunRecord.safeParse(parseJson(text)).data;
    if (record !== undefined) onRecord(record); // "open" is no record of a run
  });
  await nats.flush();
  const events: unknown = await docker.getEvents({ filters: { type: ["container"] } });
  if (!(events instanceof Readable)) throw new Error("the Engine's events are no stream");
  createInterface(events).on("line", (line) => {
    const event = EngineEvent.safeParse(parseJson(line)).data;
    const step = event && steps.take(event);
    if (step !== undefined) tell({ event: "step", ...step });
  });
  return { outcomes, finished: () => runs.size, [Symbol.dispose]: () => void events.destroy() };
}

/** The Engine's word of what it did may come a moment after the journal's: so that it is told first. */
const ENGINE_IS_LATE_MS = 50;

function subscribe(nats: NatsConnection, subject: string, take: (text: string) => void): void {
  nats.subscribe(subject, {
    callback: (_error, message) => void setTimeout(() => take(message.string()), ENGINE_IS_LATE_MS),
  });
}

/** An event and who is asked, told together: of a plan the event comes first, of other hooks the record. */
function tellHooks(tell: Tell): (one: CloudEvent | RunRecord) => void {
  const reasons = new Map<string, string>();
  const waiting = new Map<string, RunRecord & { readonly kind: "waiting" }>();
  const Reason = z.object({ reason: z.string() });
  return (one) => {
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

const ScriptLine = z.object({ script: z.string(), line: z.string() });

/** What hook scripts print is in the hook-executor's log. */
export function tellScripts(tell: Tell): (line: string) => void {
  return (line) => {
    const said = ScriptLine.safeParse(parseJson(line)).data;
    if (said !== undefined) tell({ event: "script", ...said });
  };
}
