// `ouroboros events`: replays the events and the decisions about them in the order of time, then follows them. Notices
// are among the events: they say how updates ended.
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { lookUp } from "../../shared/look-up.ts";
import { type JsMsg, type ConsumerMessages, DeliverPolicy } from "@nats-io/jetstream";
import { type EventName, isEventName, isNoticeName, notices } from "../../shared/contract/hooks.ts";
import { CloudEvent, Notice, parseJson } from "../../shared/contract/messages.ts";
import { STREAMS } from "../../shared/contract/subjects.ts";
import { endsOfRun } from "../../shared/contract/update-end.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";
import { type DecidedRecord } from "../output/output-schemas.ts";

import { countEnds, endText } from "../fleet/run-progress.ts";
import { type Fleet, selectHosts, replay, withFleet } from "../fleet/fleet.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { parseRunRecord } from "../../shared/contract/run-records.ts";
import { type Terminal, sanitize, paint } from "../framework/terminal.ts";
import { formatDuration, formatLocalTime } from "../../shared/runtime/time-text.ts";

interface EventFilter {
  readonly hook: EventName | undefined;
  readonly host: string | undefined;
  readonly container: string | undefined;
}
interface PrintedEvent {
  /** Milliseconds since 1970, server time. */
  readonly at: number;
  readonly line: CloudEvent | Notice | DecidedRecord;
}

export const runEvents: CommandRunner<"events"> = async (
  { follow, since, hook, host, container, json },
  terminal,
) => {
  const wanted: EventFilter = { hook, host, container };
  const print = ({ at, line }: PrintedEvent): unknown =>
    terminal.stdout.write(`${json ? JSON.stringify(line) : lineFor(terminal, at, line)}\n`);
  await withFleet(terminal, async (fleet) => {
    await selectHosts(fleet, host);
    const from = terminal.clock.now() - since;
    const sources = sourcesFor(wanted).map((source) => ({ ...source, ended: 0 }));
    for await (const event of mergeByTime(sources.map((source) => replaySource(fleet, source, from))))
      print(event);
    if (follow)
      await Promise.all(
        sources.map((source) => followSource(fleet, source, { print, from, signal: terminal.signal })),
      );
  });
  return 0;
};

interface StreamSource {
  readonly stream: string;
  readonly filters: readonly string[];
  readonly read: (message: JsMsg) => PrintedEvent | undefined;
  /** Sequence of the last replayed message. */
  ended: number;
}

function sourcesFor(wanted: EventFilter): Omit<StreamSource, "ended">[] {
  const hostToken = wanted.host === undefined ? "*" : encodeToken(wanted.host);
  const containers = wanted.container === undefined ? ["*"] : [encodeToken(wanted.container), "_"];
  return [
    {
      stream: STREAMS.hooks,
      filters: containers.map(
        (container) => `ouroboros.hook.${hostToken}.${wanted.hook ?? "*"}.${container}.*`,
      ),
      read: (message) => readEvent(message, wanted),
    },
    {
      stream: STREAMS.runs,
      filters: [`ouroboros.run.${hostToken}.*`],
      read: (message) => readDecision(message, wanted),
    },
  ];
}

function readEvent(message: JsMsg, { container }: EventFilter): PrintedEvent | undefined {
  const event = CloudEvent.or(Notice).safeParse(parseJson(message.string()));
  if (!event.success) return undefined;
  const runText = event.data.subject === "" ? JSON.stringify(event.data.data) : "";
  const isWanted =
    container === undefined ||
    event.data.subject === container ||
    runText.includes(`"name":${JSON.stringify(container)}`);
  return isWanted ? { at: message.info.timestampNanos / 1e6, line: event.data } : undefined;
}

/** Skips decisions for which no participant was asked. */
function readDecision(message: JsMsg, { hook, container }: EventFilter): PrintedEvent | undefined {
  const record = parseRunRecord(message.string());
  if (record?.kind !== "decided" || record.verdicts.length === 0) return undefined;
  if (hook !== undefined && record.hook !== hook) return undefined;
  if (
    container !== undefined &&
    record.container !== container &&
    lookUp(record.containers, container) === undefined
  )
    return undefined;
  return { at: message.info.timestampNanos / 1e6, line: record };
}

async function* replaySource(
  fleet: Fleet,
  source: StreamSource,
  since: number,
): AsyncGenerator<PrintedEvent, void> {
  for await (const message of replay(fleet, source.stream, { filters: source.filters, since })) {
    source.ended = message.seq;
    const event = source.read(message);
    if (event !== undefined) yield event;
  }
}

/** Merges several sources, each ordered by time, into one that is ordered by time. */
async function* mergeByTime(
  sources: readonly AsyncGenerator<PrintedEvent, void>[],
): AsyncGenerator<PrintedEvent, void> {
  const heads = await Promise.all(sources.map(async (source) => ({ source, next: await source.next() })));
  for (;;) {
    const [first] = heads
      .filter(({ next }) => next.done !== true)
      .sort((a, b) => (a.next.value?.at ?? 0) - (b.next.value?.at ?? 0));
    if (first?.next.value === undefined) return;
    yield first.next.value;
    first.next = await first.source.next();
  }
}

interface EventFollower {
  readonly print: (event: PrintedEvent) => unknown;
  readonly from: number;
  readonly signal: AbortSignal;
}

/** Follows a stream from the end of its replay until the signal aborts. @throws NotDone where the stream is gone. */
async function followSource(
  { js }: Fleet,
  { stream, filters, read, ended }: StreamSource,
  { print, from, signal }: EventFollower,
): Promise<void> {
  const start =
    ended > 0
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: ended + 1 }
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(from).toISOString() };
  const consumer = await js.consumers.get(stream, { filter_subjects: [...filters], ...start });
  const messages: ConsumerMessages = await consumer.consume();
  const stop = (): void => messages.stop();
  signal.addEventListener("abort", stop, { once: true });
  for await (const message of messages) {
    const event = read(message);
    if (event !== undefined) print(event);
  }
  signal.removeEventListener("abort", stop);
  if (!signal.aborted) throw new NotDone(messageOf(commandErrors.streamGone, { stream }));
}

function lineFor(terminal: Terminal, at: number, line: PrintedEvent["line"]): string {
  const time = paint(terminal, formatLocalTime(at), "dim");
  const { host, hook, container, says } = "kind" in line ? summarizeDecision(line) : summarizeEvent(line);
  const where = `${host.padEnd(8)}  ${hook.padEnd(18)}  ${container.padEnd(12)}`;
  return `${time}  ${sanitize(where)}  ${"kind" in line ? paint(terminal, sanitize(says), colourOf(line)) : sanitize(says)}`;
}

interface EventSummary {
  readonly host: string;
  readonly hook: string;
  readonly container: string;
  readonly says: string;
}

function summarizeEvent({ type, subject, data }: Notice): EventSummary {
  const hook = type.split(".")[1] ?? type;
  const text = (key: string): string => (typeof data[key] === "string" ? data[key] : "");
  const mode = text("mode") === "update" ? "" : ` (${text("mode")})`;
  return {
    host: text("host"),
    hook: isEventName(hook) ? hook : type,
    container: subject === "" ? (isAboutImage(hook) ? "(an image)" : "(the run)") : subject,
    says: `${describeEnd(hook, data) ?? text("reason")}${mode}`,
  };
}

const isAboutImage = (hook: string): boolean => isNoticeName(hook) && notices[hook].about === "image";

/** How a container's update, or a run, ended; undefined for other events. */
function describeEnd(name: string, data: Notice["data"]): string | undefined {
  if (!isNoticeName(name)) return undefined;
  const update = notices.update_finished.data.safeParse(data).data;
  if (update !== undefined) {
    const { from, to, from_version, to_version, downtime_ms } = update;
    const images = {
      from: from ?? undefined,
      to: to ?? undefined,
      from_version: from_version ?? undefined,
      to_version: to_version ?? undefined,
    };
    return endText({ ...update, ...images, downtime_ms: downtime_ms ?? undefined });
  }
  const run = notices.run_finished.data.safeParse(data).data;
  if (run === undefined) return undefined;
  const ends = run.ends.map(({ end }) => end);
  return `${countEnds(endsOfRun({ ends, rollback: data["rollback"] === true }))}, after ${formatDuration(run.ms)}`;
}

function summarizeDecision({
  host,
  hook,
  container,
  verdict,
  by,
  reason,
  verdicts,
}: DecidedRecord): EventSummary {
  const whose = by ?? verdicts.map(({ participant }) => participant).join(", ");
  return {
    ...{ host, hook, container: container ?? "(the run)" },
    says: `-> ${verdict} by ${whose}${reason === undefined ? "" : `: ${reason}`}`,
  };
}

const colourOf = ({ verdict }: DecidedRecord) =>
  verdict === "proceed" ? ("green" as const) : verdict === "refuse" ? ("red" as const) : ("yellow" as const);
