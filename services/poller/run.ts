// The poller: finds out which containers have a newer image and publishes the plan. It changes nothing on the Engine.
import type { NatsConnection } from "nats";
import { explain } from "../../shared/errors.ts";
import { bucketOf, jetStreamOf, managerOf } from "../../shared/nats/jetstream-client.ts";
import { connectUnlessStopped, closeNats } from "../../shared/nats/nats-connection.ts";
import { ContainerNames } from "../../shared/runtime/container-names.ts";
import type { UpdateResult } from "../../shared/contract/run-records.ts";
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
import { type PollCycle, runCycle } from "./cycle.ts";
import { type RunResults, exitCodeOf, followRunResults } from "./run-results.ts";
import { FirstStart } from "./first-start.ts";
import { HostNameTaken, retryUpdateHostRecord } from "./host-record.ts";
import { type LookRequest, answerLook } from "./look-request.ts";
import { watchExpiredUpdates } from "./expired-updates.ts";
import { Mirrors } from "./mirrors.ts";
import { ImageOrigins } from "./image-origins.ts";
import type { Polling } from "./polling.ts";
import { proxiesFrom } from "./proxy.ts";
import { whyUpdaterIsNotReady } from "./publish-plan.ts";
import { Registries } from "./registries.ts";
import { makeCycleReport } from "./cycle-report.ts";
import { waitUntilSettled } from "./wait-until-settled.ts";
import { type LoggedSentences, logCycle } from "./log-cycle.ts";
import { Timetable } from "./timetable.ts";
import { type OperatorRequest, handleOperatorRequest } from "./operator-request.ts";

/** After a cycle that failed because the Engine or NATS was away, and while waiting for the updater. */
const RETRY_MS = 5000;
const LOOK_MS = 500;

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
  const own = { http: settings.HTTP_PROXY, https: settings.HTTPS_PROXY, no: settings.NO_PROXY };
  using registries = new Registries({
    settings,
    insecure: engine.insecureRegistries,
    mirrors: engine.mirrors,
    proxies: proxiesFrom(own, engine.proxies),
    clock,
    engine,
  });
  const polling: Polling = {
    ...context,
    log: context.log.child({ host: host.name }),
    host,
    nats,
    js: jetStreamOf(nats),
    manager: await managerOf(nats),
    hosts: await bucketOf(nats, BUCKETS.hosts),
    held: await bucketOf(nats, BUCKETS.held),
    registries,
    origins: new ImageOrigins(host.engine, registries),
    mirrors: new Mirrors(registries, clock),
    firstStart: new FirstStart(),
  };
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
    polling.log.fatal({ because: error.message }, "host not polled");
    return 1;
  }
}

/** Cycles as the timetable has them and when someone asks; two never overlap. */
async function pollAlways(polling: Polling): Promise<number> {
  const { clock, signal } = polling;
  const timetable = new Timetable(polling);
  let last: object | null = null;
  let more = false;
  let told: LoggedSentences = new Set();
  using commands = serveCommands(polling, () => ({
    ...identityOf(polling),
    last,
    next_at: timetable.nextAt,
  }));
  using _expiries = watchExpiredUpdates(polling, () => timetable.pollAgainIn(RETRY_MS));
  for (;;) {
    const over = AbortSignal.any([signal, commands.asked]);
    if (more) await waitForUpdater(polling, { within: timetable.msUntilNext, over, lookEvery: RETRY_MS });
    else await timetable.wait(over);
    if (signal.aborted) return 0;
    const asked = commands.takeRequest();
    if (asked !== undefined) {
      asked.answer({ ...identityOf(polling), ...(await answerRequest(polling, asked.wish)) });
      continue;
    }
    timetable.beginCycle();
    const answer = commands.takeChecks();
    const ended = await tryCycle(polling, new Set(), told);
    if (ended.cycle === undefined) timetable.retryIn(RETRY_MS);
    told = ended.told;
    more = hasMore(ended);
    last = makeCycleReport(ended, clock.now());
    answer({ ...identityOf(polling), ...last });
  }
}

const answerRequest = (polling: Polling, wish: OperatorRequest | LookRequest): Promise<object> =>
  wish.kind === "look" ? answerLook(polling, wish) : handleOperatorRequest(polling, wish);

/** Something is due that the updater was not ready for, or that did not fit in the plan. */
const hasMore = ({ cycle: last }: CycleResult): boolean =>
  last !== undefined && (last.outcome.kind === "waiting" || last.rest.length > 0);

/** What was left behind is put right first; then one cycle, and the runs that it leads to. Resolves with the exit code. */
async function pollOnce(polling: Polling): Promise<number> {
  using runs = followRunResults(polling);
  const before = await waitUntilSettled(polling, runs);
  const { ends, isWhole } = await cycleOnce(polling, runs);
  await waitUntilSettled(polling, runs); // a run is told to be finished before it is closed
  const code = Math.max(exitCodeOf([...before, ...ends]), isWhole ? EXIT_CODES.done : EXIT_CODES.failed);
  return polling.signal.aborted ? Math.max(code, exitCodeWhenStopped(polling)) : code;
}

interface OneCycleResult {
  readonly ends: readonly UpdateResult[];
  /** Registries said of every image what they have. */
  readonly isWhole: boolean;
}

async function cycleOnce(polling: Polling, runs: RunResults): Promise<OneCycleResult> {
  const { log, clock, signal, health } = polling;
  const ends: UpdateResult[] = [];
  const done = new Set<string>();
  const expired = new Set<string>();
  let told: LoggedSentences = new Set();
  let isWhole = true;
  while (!signal.aborted) {
    const ended = await tryCycle(polling, done, told);
    told = ended.told;
    if (ended.cycle !== undefined && done.size === 0) isWhole = ended.cycle.unanswered === 0;
    const outcome = ended.cycle?.outcome;
    using _waiting = health.trackWait(describeWait(polling, ended));
    if (outcome === undefined) await clock.sleep(RETRY_MS, signal);
    else if (outcome.kind === "nothing due") break;
    else if (outcome.kind === "waiting")
      await waitForUpdater(polling, { within: Number.POSITIVE_INFINITY, over: signal, lookEvery: LOOK_MS });
    else {
      log.debug({ run: outcome.run }, "waiting for the updater to finish the run");
      const endsOfRun = (await runs.waitForResults(outcome.run)) ?? {};
      ends.push(...Object.values(endsOfRun));
      const again = outcome.containers.filter((name) => endsOfRun[name] === "expired" && !expired.has(name));
      for (const name of again) expired.add(name); // planned on what was not so any more: once more
      for (const name of outcome.containers) if (!again.includes(name)) done.add(name);
      if (ended.cycle?.rest.length === 0 && again.length === 0) break;
    }
  }
  return { ends, isWhole };
}

function describeWait({ host }: Polling, { cycle: last, because = "" }: CycleResult): string {
  switch (last?.outcome.kind) {
    case undefined:
      return `a cycle of ${host.name} that does not fail: ${because}`;
    case "waiting":
      return `the updater of ${host.name}: ${last.outcome.because}`;
    case "published":
      return `the updater of ${host.name} to finish run ${last.outcome.run}`;
    case "nothing due":
      return `the end of the cycle of ${host.name}`;
  }
}

interface UpdaterWait {
  /** Milliseconds. */
  readonly within: number;
  readonly lookEvery: number;
  readonly over: AbortSignal;
}

/** Resolves when the updater has nothing in hand, or when it is over. */
async function waitForUpdater(polling: Polling, { within, lookEvery, over }: UpdaterWait): Promise<void> {
  const { clock } = polling;
  const until = clock.monotonic() + within;
  do await clock.sleep(Math.min(lookEvery, Math.max(until - clock.monotonic(), 0)), over);
  while (
    !over.aborted &&
    clock.monotonic() < until &&
    (await whyUpdaterIsNotReady(polling).catch(explain)) !== undefined
  );
}

interface CycleResult {
  /** Undefined where it failed because the Engine or NATS was away. */
  readonly cycle?: PollCycle;
  readonly because?: string;
  readonly told: LoggedSentences;
}

/** @throws HostNameTaken, and what NATS throws when it is closed for good. */
async function tryCycle(
  polling: Polling,
  except: ReadonlySet<string>,
  told: LoggedSentences,
): Promise<CycleResult> {
  try {
    const ended = await runCycle(polling, { except });
    return { cycle: ended, told: logCycle(polling.log, ended, told) };
  } catch (err) {
    if (err instanceof HostNameTaken || polling.nats.isClosed()) throw err;
    const because = explain(err);
    if (!polling.signal.aborted)
      polling.log[told.has(because) ? "debug" : "warn"]({ err }, "cycle failed; it is tried again soon");
    return { because, told: new Set([...told, because]) };
  }
}

const identityOf = ({ host }: Polling): object => ({ host: host.name, engine_id: host.engine.id });
