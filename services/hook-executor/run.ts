// The hook-executor: takes its hosts' hook events, runs the scripts in the hooks folder, and answers each event with
// one verdict. run-notices.ts runs those that are only told what is over. It needs no Docker socket.
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { consume } from "../../shared/nats/consume.ts";
import { jetStreamOf, managerOf } from "../../shared/nats/jetstream-client.ts";
import { publish } from "../../shared/nats/jetstream.ts";
import { isHookName } from "../../shared/contract/hooks.ts";
import type { Verdict } from "../../shared/contract/messages.ts";
import { connectUnlessStopped, closeNats } from "../../shared/nats/nats-connection.ts";
import type { ServiceContext, Service } from "../../shared/runtime/run-service.ts";
import { STREAMS, consumers, executorParticipant, subjects } from "../../shared/contract/subjects.ts";
import { answerOnce } from "./answer-once.ts";
import { whyNobodyWaits } from "./abandoned-events.ts";
import { dateByOurClock } from "./event-age.ts";
import { type HookEvent, readHookEvent } from "./hook-event.ts";
import { hostsToServe } from "./hosts.ts";
import { type HookTools, prepareTools } from "./hook-tools.ts";
import { runHook } from "./run-hook.ts";
import { runNotices } from "./run-notices.ts";
import { findHooksFolder } from "./scripts.ts";
import { findScriptFaults, logScriptFaults } from "./log-script-faults.ts";
import { shortenToFit } from "./script-verdicts.ts";

/** How many events are handled at a time, so that a slow script of one group does not delay another group. */
const PARALLEL = 8;
/** How many answered events are remembered. */
const REMEMBERED = 1000;
const PROGRESS_MS = 3000;

/** For `ouroboros doctor`. */
export { findScriptFaults as faultsIn };

export const runHookExecutor: Service = async (context) => {
  const nats = await connectUnlessStopped("hook-executor", context);
  if (nats === undefined) return 0;
  try {
    const hosts = await hostsToServe(nats, context);
    using kill = killAfterGrace(context);
    await Promise.all(hosts.map((host) => serve(nats, host, context, kill.signal)));
    return 0;
  } finally {
    await closeNats(nats);
  }
};

async function serve(
  nats: NatsConnection,
  host: string,
  context: ServiceContext,
  killSignal: AbortSignal,
): Promise<void> {
  const { clock, signal } = context;
  const startedAt = clock.now();
  const log = context.log.child({ host });
  const tools = await prepareTools(host, { ...context, log }, process.env);
  const js = jetStreamOf(nats);
  const manager = await managerOf(nats);
  const answer = makeAnswer({ nats, log, manager, clock, tools, killSignal });
  const publisher = { js, clock, signal };
  const durable = consumers.gate(executorParticipant(host));
  await logScriptFaults(context.settings.HOOKS_DIR, log);
  log.info({ hooks: await findHooksFolder(context.settings.HOOKS_DIR) }, "waiting for hook events");
  const answered = consume(nats, {
    js,
    stream: STREAMS.hooks,
    durable,
    parallel: PARALLEL,
    log,
    clock,
    signal,
    handle: async (message) => {
      const event = await dateByOurClock(readHookEvent(message, host, isHookName), durable, manager, clock);
      const verdict = await answer(event.id, event);
      if (verdict === undefined) return;
      await publish(publisher, {
        subject: subjects.verdict(host, executorParticipant(host), event.id),
        body: shortenToFit(verdict),
      });
    },
  });
  await Promise.all([
    answered,
    runNotices({ ...context, log, nats, manager, host, tools, killSignal, startedAt }),
  ]);
}

interface AnswerContext extends Pick<ServiceContext, "log" | "clock"> {
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly tools: HookTools;
  readonly killSignal: AbortSignal;
}

/** Gives the verdict of the scripts on an event; undefined where nobody waits for it. */
function makeAnswer({ nats, log, manager, clock, tools, killSignal }: AnswerContext) {
  const journal = { manager, clock, since: clock.now() };
  const loggedReasons = new Set<string>();
  return answerOnce(REMEMBERED, async (event: HookEvent) => {
    const because = await whyNobodyWaits(event, journal);
    if (because === undefined) return runWithProgress(nats, event, tools, killSignal);
    // After a long absence there may be weeks of such events.
    const level = loggedReasons.has(because) ? "debug" : "info";
    log[level](
      { hook: event.hook, event: event.id, because },
      "nobody waits for this event; scripts not run",
    );
    loggedReasons.add(because);
    return undefined;
  });
}

async function runWithProgress(
  nats: NatsConnection,
  event: HookEvent,
  tools: HookTools,
  killSignal: AbortSignal,
): Promise<Verdict> {
  const subject = subjects.progress(event.host, executorParticipant(event.host), event.id);
  using _progress = tools.clock.every(PROGRESS_MS, () => {
    if (!nats.isClosed()) nats.publish(subject, "{}");
  });
  return await runHook(event, tools, killSignal);
}

/** Aborts STOP_GRACE after the service gets its stop signal: scripts that still run are then killed. */
function killAfterGrace({
  settings,
  clock,
  signal,
}: ServiceContext): Disposable & { readonly signal: AbortSignal } {
  const kill = new AbortController();
  const cancelTimer = new AbortController();
  const startTimer = (): void =>
    void clock.sleep(settings.STOP_GRACE, cancelTimer.signal).then(() => kill.abort());
  if (signal.aborted) startTimer();
  else signal.addEventListener("abort", startTimer, { once: true });
  return {
    signal: kill.signal,
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", startTimer);
      cancelTimer.abort();
    },
  };
}
