// The poller: finds out which containers have a newer image and publishes the plan. It changes nothing on the Engine.
import type { NatsConnection } from "nats";
import { explain } from "../../shared/errors.ts";
import { bucketOf, jetStreamOf, managerOf } from "../../shared/jetstream-client.ts";
import { connectUnlessStopped, leaveNats } from "../../shared/nats.ts";
import { NameCensus } from "../../shared/name-census.ts";
import type { End } from "../../shared/run-records.ts";
import { CODE, isOneCycle } from "../../shared/one-cycle.ts";
import { type Context, type Host, type Service, forEachHost, stoppedCode } from "../../shared/run-service.ts";
import { BUCKETS } from "../../shared/subjects.ts";
import { serveCommands } from "./commands.ts";
import { type PollCycle, cycle } from "./cycle.ts";
import { type Runs, exitCodeOf, followRuns } from "./follow-run.ts";
import { FirstStart } from "./first-start.ts";
import { HostTaken, noteHost } from "./host-record.ts";
import { type Look, look } from "./look.ts";
import { followExpiries } from "./look-again.ts";
import { Mirrors } from "./mirrors.ts";
import { ImageOrigins } from "./origins.ts";
import type { Polling } from "./polling.ts";
import { proxiesFrom } from "./proxy.ts";
import { whyUpdaterIsNotReady } from "./publish.ts";
import { Registries } from "./registry.ts";
import { reportOf } from "./report.ts";
import { untilSettled } from "./settled.ts";
import { type LoggedSentences, tell } from "./tell.ts";
import { Timetable } from "./timetable.ts";
import { type Wish, grant } from "./wish.ts";

/** After a cycle that failed because the Engine or NATS was away, and while waiting for the updater. */
const AGAIN_MS = 5000;
const LOOK_MS = 500;

export const runPoller: Service = async (context) => {
  const nats = await connectUnlessStopped("poller", context);
  if (nats === undefined) return stoppedCode(context);
  const census = context.census ?? new NameCensus(context.settings.DOCKER_SOCKETS.length);
  try {
    return await forEachHost(context, (host) => pollHost({ ...context, census }, host, nats));
  } finally {
    await leaveNats(nats);
  }
};

/** Resolves with the exit code. */
async function pollHost(
  context: Context & Pick<Polling, "census">,
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
    await noteHost(polling, "waiting for the streams and buckets that the updater makes", (record) => {
      polling.origins.remember(record.known_images ?? []);
      polling.mirrors.remember(record.mirrors);
      polling.firstStart.noteRecord(record);
      return {};
    });
    return await (isOneCycle(settings) ? pollOnce(polling) : pollAlways(polling));
  } catch (error) {
    if (!(error instanceof HostTaken)) throw error;
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
  using _expiries = followExpiries(polling, () => timetable.lookAgain(AGAIN_MS));
  for (;;) {
    const over = AbortSignal.any([signal, commands.asked]);
    if (more) await updaterReady(polling, { within: timetable.left, over, lookEvery: AGAIN_MS });
    else await timetable.wait(over);
    if (signal.aborted) return 0;
    const asked = commands.takeWish();
    if (asked !== undefined) {
      asked.answer({ ...identityOf(polling), ...(await answerTo(polling, asked.wish)) });
      continue;
    }
    timetable.begin();
    const answer = commands.takeChecks();
    const ended = await tryCycle(polling, new Set(), told);
    if (ended.cycle === undefined) timetable.again(AGAIN_MS);
    told = ended.told;
    more = hasMore(ended);
    last = reportOf(ended, clock.now());
    answer({ ...identityOf(polling), ...last });
  }
}

const answerTo = (polling: Polling, wish: Wish | Look): Promise<object> =>
  wish.kind === "look" ? look(polling, wish) : grant(polling, wish);

/** Something is due that the updater was not ready for, or that did not fit in the plan. */
const hasMore = ({ cycle: last }: CycleEnd): boolean =>
  last !== undefined && (last.outcome.kind === "waiting" || last.rest.length > 0);

/** What was left behind is put right first; then one cycle, and the runs that it leads to. Resolves with the exit code. */
async function pollOnce(polling: Polling): Promise<number> {
  using runs = followRuns(polling);
  const before = await untilSettled(polling, runs);
  const { ends, isWhole } = await cycleOnce(polling, runs);
  await untilSettled(polling, runs); // a run is told to be finished before it is closed
  const code = Math.max(exitCodeOf([...before, ...ends]), isWhole ? CODE.done : CODE.failed);
  return polling.signal.aborted ? Math.max(code, stoppedCode(polling)) : code;
}

interface Once {
  readonly ends: readonly End[];
  /** Registries said of every image what they have. */
  readonly isWhole: boolean;
}

async function cycleOnce(polling: Polling, runs: Runs): Promise<Once> {
  const { log, clock, signal, health } = polling;
  const ends: End[] = [];
  const done = new Set<string>();
  const expired = new Set<string>();
  let told: LoggedSentences = new Set();
  let isWhole = true;
  while (!signal.aborted) {
    const ended = await tryCycle(polling, done, told);
    told = ended.told;
    if (ended.cycle !== undefined && done.size === 0) isWhole = ended.cycle.unanswered === 0;
    const outcome = ended.cycle?.outcome;
    using _waiting = health.waits(whatFor(polling, ended));
    if (outcome === undefined) await clock.sleep(AGAIN_MS, signal);
    else if (outcome.kind === "nothing due") break;
    else if (outcome.kind === "waiting")
      await updaterReady(polling, { within: Number.POSITIVE_INFINITY, over: signal, lookEvery: LOOK_MS });
    else {
      log.debug({ run: outcome.run }, "waiting for the updater to finish the run");
      const endsOfRun = (await runs.endsOf(outcome.run)) ?? {};
      ends.push(...Object.values(endsOfRun));
      const again = outcome.containers.filter((name) => endsOfRun[name] === "expired" && !expired.has(name));
      for (const name of again) expired.add(name); // planned on what was not so any more: once more
      for (const name of outcome.containers) if (!again.includes(name)) done.add(name);
      if (ended.cycle?.rest.length === 0 && again.length === 0) break;
    }
  }
  return { ends, isWhole };
}

function whatFor({ host }: Polling, { cycle: last, because = "" }: CycleEnd): string {
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

interface EndPatience {
  /** Milliseconds. */
  readonly within: number;
  readonly lookEvery: number;
  readonly over: AbortSignal;
}

/** Resolves when the updater has nothing in hand, or when it is over. */
async function updaterReady(polling: Polling, { within, lookEvery, over }: EndPatience): Promise<void> {
  const { clock } = polling;
  const until = clock.monotonic() + within;
  do await clock.sleep(Math.min(lookEvery, Math.max(until - clock.monotonic(), 0)), over);
  while (
    !over.aborted &&
    clock.monotonic() < until &&
    (await whyUpdaterIsNotReady(polling).catch(explain)) !== undefined
  );
}

interface CycleEnd {
  /** Undefined where it failed because the Engine or NATS was away. */
  readonly cycle?: PollCycle;
  readonly because?: string;
  readonly told: LoggedSentences;
}

/** @throws HostTaken, and what NATS throws when it is closed for good. */
async function tryCycle(
  polling: Polling,
  except: ReadonlySet<string>,
  told: LoggedSentences,
): Promise<CycleEnd> {
  try {
    const ended = await cycle(polling, { except });
    return { cycle: ended, told: tell(polling.log, ended, told) };
  } catch (err) {
    if (err instanceof HostTaken || polling.nats.isClosed()) throw err;
    const because = explain(err);
    if (!polling.signal.aborted)
      polling.log[told.has(because) ? "debug" : "warn"]({ err }, "cycle failed; it is tried again soon");
    return { because, told: new Set([...told, because]) };
  }
}

const identityOf = ({ host }: Polling): object => ({ host: host.name, engine_id: host.engine.id });
