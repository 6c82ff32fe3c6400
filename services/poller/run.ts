// The poller: finds containers with a newer image and publishes the plan. It changes nothing on the Engine.
// cycle.ts has a single cycle; this file says when cycles run, and serves the operator's requests between them.
import type { NatsConnection } from "nats";
import { explain } from "../../shared/errors.ts";
import { bucketOf, jetStreamOf, managerOf } from "../../shared/nats/jetstream-client.ts";
import { connectUnlessStopped, closeNats } from "../../shared/nats/nats-connection.ts";
import { ContainerNames } from "../../shared/runtime/container-names.ts";
import type { UpdateResult } from "../../shared/contract/run-records.ts";
import type { LastPollReport } from "../../shared/contract/service-status.ts";
import { EXIT_CODES, isOneCycle } from "../../shared/runtime/one-cycle.ts";
import {
  type ServiceContext,
  type Host,
  type Service,
  forEachHost,
  exitCodeWhenStopped,
} from "../../shared/runtime/run-service.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { serveCommands } from "./commands.ts";
import { type PollCycle, runCycle } from "./cycle/cycle.ts";
import { type RunResults, exitCodeOf, followRunResults } from "./run-results.ts";
import { openLedger } from "./ledger/open-ledger.ts";
import { followUpdateEnds } from "./ledger/update-ends.ts";
import { FirstStart } from "./first-start.ts";
import { Hints, type TakenHints } from "./hints.ts";
import { HostNameTaken, retryUpdateHostRecord } from "./host-record.ts";
import { type LookRequest, answerLook } from "./look-request.ts";
import { watchExpiredUpdates } from "./plan/expired-updates.ts";
import { Mirrors } from "./mirrors.ts";
import { ImageOrigins } from "./image-origins.ts";
import { modeOf } from "./plan/publish-plan.ts";
import type { Polling } from "./polling.ts";
import { proxiesFrom } from "./registry/proxy.ts";
import { Registries } from "./registries.ts";
import { SeenContainers } from "./seen-containers.ts";
import { makeCycleReport } from "./cycle/cycle-report.ts";
import { waitForUpdater } from "./wait-for-updater.ts";
import { waitUntilSettled } from "./wait-until-settled.ts";
import { type LoggedSentences, logCycle } from "./cycle/log-cycle.ts";
import { Timetable } from "./timetable.ts";
import { type OperatorRequest, handleOperatorRequest } from "./operator-request.ts";

/** The pause after a cycle that failed because the Engine or NATS was away, and between looks at the updater. */
const RETRY_MS = 5000;
/** How long the end of the poller may wait for what its ledger has to store. */
const LEDGER_MS = 1000;
/** How often RUN_ONCE looks at a busy updater. */
const RUN_ONCE_POLL_MS = 500;

export const runPoller: Service = async (context) => {
  const nats = await connectUnlessStopped("poller", context);
  if (nats === undefined) return exitCodeWhenStopped(context);
  const census = context.census ?? new ContainerNames(context.settings.DOCKER_SOCKETS.length);
  try {
    return await forEachHost(context, (host) => pollHost({ ...context, census }, host, nats));
  } finally {
    await closeNats(nats);
  }
};

/** Resolves with the exit code. */
async function pollHost(
  context: ServiceContext & Pick<Polling, "census">,
  host: Host,
  nats: NatsConnection,
): Promise<number> {
  const { settings, clock } = context;
  const { engine } = host;
  const ownProxies = { http: settings.HTTP_PROXY, https: settings.HTTPS_PROXY, no: settings.NO_PROXY };
  using registries = new Registries({
    ...{ settings, clock, engine, mirrors: engine.mirrors },
    insecure: engine.insecureRegistries,
    proxies: proxiesFrom(ownProxies, engine.proxies),
  });
  const log = context.log.child({ host: host.name });
  const manager = await managerOf(nats);
  const polling: Polling = {
    ...context,
    ...{ log, host, nats, manager },
    js: jetStreamOf(nats),
    hosts: await bucketOf(nats, BUCKETS.hosts),
    registries,
    origins: new ImageOrigins(host.engine, registries),
    mirrors: new Mirrors(registries, clock),
    seen: new SeenContainers(settings),
    firstStart: new FirstStart(),
    ...(await openLedger({ context, host, nats, manager, log, registries })),
  };
  using _ends = followUpdateEnds(polling);
  try {
    await retryUpdateHostRecord(
      polling,
      "waiting for the streams and buckets that the updater makes",
      (record) => {
        polling.origins.remember(record.known_images ?? []);
        polling.mirrors.remember(record.mirrors);
        polling.firstStart.noteRecord(record);
        return {};
      },
    );
    return await (isOneCycle(settings) ? pollOnce(polling) : pollAlways(polling));
  } catch (error) {
    if (!(error instanceof HostNameTaken)) throw error;
    polling.log.fatal({ because: error.message }, "the host is not checked for updates");
    return 1;
  } finally {
    await Promise.race([polling.ledger.save(), polling.clock.sleep(LEDGER_MS)]);
  }
}

/** Runs cycles when the timetable or an operator asks for them; they never overlap. Resolves with the exit code. */
async function pollAlways(untimed: Polling): Promise<number> {
  const { clock, signal } = untimed;
  const timetable = new Timetable(untimed);
  const polling: Polling = { ...untimed, nextPollAt: () => timetable.nextAt };
  let last: LastPollReport | null = null;
  let hasRest = false;
  let logged: LoggedSentences = new Set();
  using hints = new Hints(polling);
  using commands = serveCommands(polling, {
    status: () => ({ ...identityOf(polling), last, next_at: timetable.nextAt }),
    hints,
  });
  using _expiries = watchExpiredUpdates(polling, () => timetable.pollAgainIn(RETRY_MS));
  for (;;) {
    const interrupt = AbortSignal.any([signal, commands.requested, hints.due]);
    if (hasRest)
      await waitForUpdater(polling, { timeoutMs: timetable.msUntilNext, interrupt, pollMs: RETRY_MS });
    else await timetable.wait(interrupt);
    if (signal.aborted) return 0;
    const taken = commands.takeRequest();
    if (taken !== undefined) {
      taken.answer({ ...identityOf(polling), ...(await answerRequest(polling, taken.request)) });
      continue;
    }
    const hinted = hints.take();
    if (hinted !== undefined) {
      const result = await lookAtHinted(polling, hinted, logged);
      if (result.cycle === undefined) timetable.pollAgainIn(RETRY_MS);
      logged = new Set([...logged, ...result.logged]);
      hasRest ||= isMoreDue(result);
      continue;
    }
    timetable.beginCycle();
    const answer = commands.takeChecks();
    const result = await tryCycle(polling, {}, logged);
    if (result.cycle === undefined) timetable.retryIn(RETRY_MS);
    logged = result.logged;
    hasRest = isMoreDue(result);
    last = makeCycleReport(result, { now: clock.now(), mode: modeOf(polling.settings) });
    answer({ ...identityOf(polling), ...last });
  }
}

const answerRequest = (polling: Polling, request: OperatorRequest | LookRequest): Promise<object> =>
  request.kind === "look" ? answerLook(polling, request) : handleOperatorRequest(polling, request);

function lookAtHinted(polling: Polling, hints: TakenHints, logged: LoggedSentences): Promise<CycleResult> {
  const { images } = hints;
  if (images.length > 0) polling.log.info({ images }, "images were pushed: their containers are checked now");
  else polling.log.debug("containers may have appeared: they are checked now");
  return tryCycle(polling, { hints }, logged);
}

/** Whether updates are left that the updater was not ready for, or that did not fit in the plan. */
const isMoreDue = ({ cycle }: CycleResult): boolean =>
  cycle !== undefined && (cycle.outcome.kind === "waiting" || cycle.rest.length > 0);

/** RUN_ONCE: waits for the updater's recovery, then for one cycle and its runs. Resolves with the exit code. */
async function pollOnce(polling: Polling): Promise<number> {
  using runs = followRunResults(polling);
  const recovered = await waitUntilSettled(polling, runs);
  const { ends, isComplete } = await cycleOnce(polling, runs);
  await waitUntilSettled(polling, runs); // the journal reports a run as finished before the updater closes it
  const code = Math.max(
    exitCodeOf([...recovered, ...ends]),
    isComplete ? EXIT_CODES.done : EXIT_CODES.failed,
  );
  return polling.signal.aborted ? Math.max(code, exitCodeWhenStopped(polling)) : code;
}

interface OneCycleResult {
  readonly ends: readonly UpdateResult[];
  /** The registries gave a digest for every image. */
  readonly isComplete: boolean;
}

async function cycleOnce(polling: Polling, runs: RunResults): Promise<OneCycleResult> {
  const { log, clock, signal, health } = polling;
  const ends: UpdateResult[] = [];
  const done = new Set<string>();
  const retried = new Set<string>();
  let logged: LoggedSentences = new Set();
  let isComplete = true;
  while (!signal.aborted) {
    const result = await tryCycle(polling, { except: done }, logged);
    logged = result.logged;
    if (result.cycle !== undefined && done.size === 0) isComplete = result.cycle.unanswered === 0;
    const outcome = result.cycle?.outcome;
    using _waiting = health.trackWait(describeWait(polling, result));
    if (outcome === undefined) await clock.sleep(RETRY_MS, signal);
    else if (outcome.kind === "nothing due") break;
    else if (outcome.kind === "waiting")
      await waitForUpdater(polling, {
        timeoutMs: Number.POSITIVE_INFINITY,
        interrupt: signal,
        pollMs: RUN_ONCE_POLL_MS,
      });
    else {
      log.debug({ run: outcome.run }, "waiting for the updater to finish the run");
      const endsOfRun = (await runs.waitForResults(outcome.run)) ?? {};
      ends.push(...Object.values(endsOfRun));
      // An expired update was planned from an outdated snapshot: each container is planned once more.
      const toRetry = outcome.containers.filter(
        (name) => endsOfRun[name] === "expired" && !retried.has(name),
      );
      for (const name of toRetry) retried.add(name);
      for (const name of outcome.containers) if (!toRetry.includes(name)) done.add(name);
      if (result.cycle?.rest.length === 0 && toRetry.length === 0) break;
    }
  }
  return { ends, isComplete };
}

function describeWait({ host }: Polling, { cycle, because = "" }: CycleResult): string {
  switch (cycle?.outcome.kind) {
    case undefined:
      return `a cycle of ${host.name} that does not fail: ${because}`;
    case "waiting":
      return `the updater of ${host.name}: ${cycle.outcome.because}`;
    case "published":
      return `the updater of ${host.name} to finish run ${cycle.outcome.run}`;
    case "nothing due":
      return `the end of the cycle of ${host.name}`;
  }
}

interface CycleResult {
  /** Undefined if the cycle failed because the Engine or NATS was unreachable. */
  readonly cycle?: PollCycle;
  readonly because?: string;
  readonly logged: LoggedSentences;
}

/** @throws HostNameTaken, and the NATS client's error once its connection is closed for good. */
async function tryCycle(
  polling: Polling,
  extent: Parameters<typeof runCycle>[1],
  logged: LoggedSentences,
): Promise<CycleResult> {
  try {
    const cycle = await runCycle(polling, extent);
    if (extent?.hints !== undefined && !cycle.isThere) return { cycle, logged: new Set() };
    return { cycle, logged: logCycle(polling.log, cycle, logged) };
  } catch (err) {
    if (err instanceof HostNameTaken || polling.nats.isClosed()) throw err;
    const because = explain(err);
    if (!polling.signal.aborted)
      polling.log[logged.has(because) ? "debug" : "warn"]({ err }, "check failed and is tried again soon");
    return { because, logged: new Set([...logged, because]) };
  }
}

const identityOf = ({ host }: Polling): object => ({ host: host.name, engine_id: host.engine.id });
