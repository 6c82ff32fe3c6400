// The notifier: an observer that turns how updates end, what waits and what is wrong into messages to people.
//   events → note-event.ts → an outbox for each target (outbox.ts) → due.ts → templates.ts → Apprise
// What is to be told lies in the observers' bucket from the moment its event is acknowledged until it is delivered.
import { iso } from "../../shared/clock.ts";
import type { JsMsg } from "@nats-io/jetstream";
import { type EventContext, type NoticeData, dataSchema } from "../../shared/contract/hooks.ts";
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import { Notice, parseJson } from "../../shared/contract/messages.ts";
import type { RunRecord } from "../../shared/contract/run-records.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import { retryUntilAnswered } from "../../shared/nats/jetstream.ts";
import { makeRunRecordReader } from "../../shared/nats/run-record-reader.ts";
import { Suspended, explain } from "../../shared/errors.ts";
import { isOneCycle } from "../../shared/runtime/one-cycle.ts";
import { signalAtEnd } from "../../shared/runtime/read-to-end.ts";
import { follow, observerService } from "../../shared/runtime/run-observer.ts";
import { appriseApi, appriseHere } from "./apprise.ts";
import { Deliverer } from "./deliver.ts";
import { trimMemory } from "./memory.ts";
import { type Noted, noteRecord, noteRunFinished, noteUpdateFinished } from "./note-event.ts";
import { type Notifier, keepOutboxes, memoryOf, notify, readHosts } from "./notifier.ts";
import { changeValue } from "./stored-value.ts";
import { targetsFrom } from "./target.ts";
import { Templates } from "./templates.ts";
import { tellOfHosts } from "./watch-hosts.ts";
import { tellWaiting } from "./watch-waiting.ts";

/** Other notifiers, and a digest's time, are looked for this often; what is added here is delivered at once. */
const LOOK_EVERY_MS = 15_000;

export const runNotifier = observerService("notifier", async (observing) => {
  const { settings, clock, log, signal } = observing;
  const sender =
    settings.APPRISE_API_URL === "" ? appriseHere(clock) : appriseApi(settings.APPRISE_API_URL, clock);
  const templates = Templates.open(settings);
  const wanted = targetsFrom(settings.NOTIFIERS);
  const targets = await sender.select(wanted);
  for (const { name } of wanted.filter((target) => !targets.includes(target)))
    log.error({ target: name }, "Apprise does not know such a URL of NOTIFIERS: nothing is sent there");
  let wakeUp = new AbortController();
  const readRecord = makeRunRecordReader(log);
  const notifier: Notifier = { ...observing, readRecord, targets, wake: () => wakeUp.abort() };
  await retryUntilAnswered({ clock, signal }, async () => {
    await keepOutboxes(notifier);
    await noteFirstStart(notifier);
  });
  const deliverer = new Deliverer({ ...notifier, sender, templates });
  log.info({ targets: targets.map(({ name }) => name) }, "sending notifications");
  const reading = { ...observing, stream: STREAMS.hooks, durable: consumers.reader(observing.name) };
  const untilRead = { ...observing, signal: signalAtEnd(reading) };
  await Promise.all([
    follow(untilRead, STREAMS.hooks, (message) => noteEvent(notifier, message)),
    follow(observing, STREAMS.runs, (message) => noteJournal(notifier, readRecord(message))),
    tellStart(notifier),
    look(),
  ]);
  // With RUN_ONCE the program ends with the run: what there is to tell is told first, whenever it would be due.
  if (isOneCycle(settings)) await deliverer.deliverRest();
  else await deliverer.waitForRunning();

  async function look(): Promise<void> {
    while (!signal.aborted) {
      await attempt(() => tellWaiting(notifier));
      await attempt(() => tellOfHosts(notifier));
      deliverer.deliverDue();
      await clock.sleep(LOOK_EVERY_MS, AbortSignal.any([signal, wakeUp.signal]));
      if (wakeUp.signal.aborted) wakeUp = new AbortController();
    }
  }

  async function attempt(work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => {
      if (!signal.aborted) log.debug({ because: explain(error) }, "what is wrong now could not be looked at");
    });
  }
});

/** What happened before the first notifier started is not told: an operator's consumer may be older. */
const noteFirstStart = (notifier: Notifier): Promise<unknown> =>
  changeValue(memoryOf(notifier), (memory) =>
    memory.since === "" ? { ...memory, since: iso(notifier.clock.now() - CLOCKS_DIFFER_MS) } : undefined,
  );

/** An updater's clock may be behind by so much, and its events are told even so. */
const CLOCKS_DIFFER_MS = 120_000;

/** The host's token in a subject. The server lets a host publish under its own alone, whatever the body says. */
const isFromHost = ({ subject }: JsMsg, host: string): boolean =>
  host !== "" && subject.split(".")[2] === encodeToken(host);

async function noteEvent(notifier: Notifier, message: JsMsg): Promise<void> {
  const event = Notice.safeParse(parseJson(message.string())).data;
  const [, name = ""] = /^ouroboros\.(\w+)\.v1$/.exec(event?.type ?? "") ?? [];
  if (event === undefined || (name !== "update_finished" && name !== "run_finished")) return;
  const data = dataSchema(name).safeParse(event.data).data as
    (NoticeData<"update_finished"> & EventContext) | undefined;
  if (data === undefined || !isFromHost(message, data.host)) {
    notifier.log.warn({ subject: message.subject }, "an event cannot be understood, and is not reported");
    return;
  }
  const { host, run, mode } = data;
  const context = { id: event.id, time: event.time, host, run, mode };
  await changeValue(memoryOf(notifier), async (memory) => {
    if (memory.seen.includes(event.id) || event.time < memory.since) return undefined;
    const noted: Noted =
      name === "run_finished" ? noteRunFinished(memory, context) : noteUpdateFinished(memory, context, data);
    await notify(notifier, noted);
    return trimMemory({ ...noted.memory, seen: [...memory.seen, event.id] });
  });
}

async function noteJournal(notifier: Notifier, record: RunRecord | undefined): Promise<void> {
  if (record?.kind !== "waiting" && record?.kind !== "decided") return;
  await changeValue(memoryOf(notifier), (memory) => {
    const noted = noteRecord(memory, record);
    return noted && trimMemory(noted);
  });
}

/** How long the poller may take for its first check, which says when the next one is. */
const FIRST_CHECK_MS = 30_000;

async function tellStart(notifier: Notifier): Promise<void> {
  const { settings, clock, signal } = notifier;
  if (settings.SKIP_STARTUP_NOTIFICATIONS) return;
  const at = iso(clock.now());
  const next_run = isOneCycle(settings) ? null : await findNextCheck(notifier);
  if (signal.aborted && !isOneCycle(settings)) return;
  const startup = { kind: "startup" as const, id: `startup ${at}`, at, host: "", next_run };
  await retryUntilAnswered({ clock, signal }, () => notify(notifier, { notifications: [startup] })).catch(
    (error: unknown) => {
      if (!(error instanceof Suspended)) throw error;
    },
  );
}

/** The next check of any host, RFC 3339; null where no poller has made its first in time. */
async function findNextCheck(notifier: Notifier): Promise<string | null> {
  const { clock, signal } = notifier;
  for (const end = clock.monotonic() + FIRST_CHECK_MS; clock.monotonic() < end && !signal.aborted;) {
    const hosts = await readHosts(notifier).catch(() => new Map<string, HostEntry>());
    const times = [...hosts.values()].flatMap(({ cycle }) => cycle?.next_poll ?? []).sort();
    const next = times.find((time) => Date.parse(time) > clock.now());
    if (next !== undefined) return next;
    await clock.sleep(1000, signal);
  }
  return null;
}
