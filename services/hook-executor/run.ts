// The hook-executor: takes the hook events of its hosts, runs the scripts people put into the hooks folder, and
// answers each event with one verdict. It needs no Docker socket.
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import type { Clock } from "../../shared/clock.ts";
import { consume } from "../../shared/nats/consume.ts";
import { jetStreamOf, managerOf } from "../../shared/nats/jetstream-client.ts";
import { publish, getServerTime } from "../../shared/nats/jetstream.ts";
import type { Verdict } from "../../shared/contract/messages.ts";
import { connectUnlessStopped, closeNats } from "../../shared/nats/nats-connection.ts";
import type { ServiceContext, Service } from "../../shared/runtime/run-service.ts";
import { STREAMS, consumers, executorParticipant, subjects } from "../../shared/contract/subjects.ts";
import { answerOnce } from "./answer-once.ts";
import { whyNobodyWaits } from "./abandoned-events.ts";
import { type HookEvent, readHookEvent } from "./hook-event.ts";
import { hostsToServe } from "./hosts.ts";
import { type HookTools, prepareTools } from "./hook-tools.ts";
import { runHook } from "./run-hook.ts";
import { findHooksFolder } from "./scripts.ts";
import { findScriptFaults, logScriptFaults } from "./log-script-faults.ts";
import { shortenToFit } from "./script-verdicts.ts";

/** Gates that wait side by side: one group's slow script does not hold another group's. */
const PARALLEL = 8;
const REMEMBERED = 1000;
const PROGRESS_MS = 3000;
const CLOCKS_AGREE_MS = 60_000;

/** For who looks at a set-up. */
export { findScriptFaults as faultsIn };

export const runHookExecutor: Service = async (context) => {
  const nats = await connectUnlessStopped("hook-executor", context);
  if (nats === undefined) return 0;
  try {
    const hosts = await hostsToServe(nats, context);
    using cut = cutAfterGrace(context);
    await Promise.all(hosts.map((host) => serve(nats, host, context, cut.signal)));
    return 0;
  } finally {
    await closeNats(nats);
  }
};

async function serve(
  nats: NatsConnection,
  host: string,
  context: ServiceContext,
  cut: AbortSignal,
): Promise<void> {
  const { clock, signal } = context;
  const log = context.log.child({ host });
  const tools = await prepareTools(host, { ...context, log }, process.env);
  const js = jetStreamOf(nats);
  const manager = await managerOf(nats);
  const reading = { manager, clock, since: clock.now() };
  const told = new Set<string>();
  const answer = answerOnce(REMEMBERED, async (event: HookEvent) => {
    const because = await whyNobodyWaits(event, reading);
    if (because === undefined) return runWithProgress(nats, event, tools, cut);
    const level = told.has(because) ? "debug" : "info"; // it may come after weeks of updates
    log[level](
      { hook: event.hook, event: event.id, because },
      "nobody waits for this event; scripts not run",
    );
    told.add(because);
    return undefined;
  });
  const via = { js, clock, signal };
  const durable = consumers.gate(executorParticipant(host));
  await logScriptFaults(context.settings.HOOKS_DIR, log);
  log.info({ hooks: await findHooksFolder(context.settings.HOOKS_DIR) }, "waiting for hook events");
  await consume(nats, {
    js,
    stream: STREAMS.hooks,
    durable,
    parallel: PARALLEL,
    log,
    clock,
    signal,
    handle: async (message) => {
      const event = await dateByOurClock(readHookEvent(message, host), durable, manager, clock);
      const verdict = await answer(event.id, event);
      if (verdict === undefined) return;
      await publish(via, {
        subject: subjects.verdict(host, executorParticipant(host), event.id),
        body: shortenToFit(verdict),
      });
    },
  });
}

/** An event that seems to be old, or of the future, is one if the server's clock says so too. */
async function dateByOurClock(
  event: HookEvent,
  durable: string,
  manager: JetStreamManager,
  clock: Clock,
): Promise<HookEvent> {
  if (Math.abs(clock.now() - event.storedAt) < CLOCKS_AGREE_MS) return event;
  const now = (await getServerTime(manager, STREAMS.hooks, durable)) ?? clock.now();
  return { ...event, storedAt: clock.now() - (now - event.storedAt) };
}

async function runWithProgress(
  nats: NatsConnection,
  event: HookEvent,
  tools: HookTools,
  cut: AbortSignal,
): Promise<Verdict> {
  const subject = subjects.progress(event.host, executorParticipant(event.host), event.id);
  using _telling = tools.clock.every(PROGRESS_MS, () => {
    if (!nats.isClosed()) nats.publish(subject, "{}");
  });
  return await runHook(event, tools, cut);
}

/** Aborts STOP_GRACE after the service was told to stop: scripts that still run are then killed. */
function cutAfterGrace({
  settings,
  clock,
  signal,
}: ServiceContext): Disposable & { readonly signal: AbortSignal } {
  const cut = new AbortController();
  const over = new AbortController();
  const begin = (): void => void clock.sleep(settings.STOP_GRACE, over.signal).then(() => cut.abort());
  if (signal.aborted) begin();
  else signal.addEventListener("abort", begin, { once: true });
  return {
    signal: cut.signal,
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", begin);
      over.abort();
    },
  };
}
