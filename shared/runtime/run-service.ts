// Starts and ends a service. It sets up the settings, the log, the clock, the health server and one AbortSignal, and
// opens the hosts whose Engines the service works on.
import { setMaxListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import type { Logger } from "pino";
import { type Clock, systemClock } from "../clock.ts";
import { type Engine, openEngine } from "../docker/engine.ts";
import { explainUnwritable } from "./data-dir.ts";
import { loadTls } from "../docker/engine-tls.ts";
import { CannotStart, explain } from "../errors.ts";
import { Health, serveHealth } from "./health.ts";
import { openLog } from "./log.ts";
import { EXIT_CODES, type ProgramResult, isOneCycle, runWithTimeLimit } from "./one-cycle.ts";
import type { ContainerNames } from "./container-names.ts";
import { OWN_VERSION } from "./own-version.ts";
import { findOwnContainers } from "../docker/own-container.ts";
import { readFlags, readSettings } from "../settings/read-settings.ts";
import { settingWarnings } from "../settings/setting-warnings.ts";
import type { Settings } from "../settings/settings.ts";

export interface ServiceContext {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  /** Aborts at SIGTERM or SIGINT, or when the program has done its work. */
  readonly signal: AbortSignal;
  readonly health: Health;
  /** Set where this program runs all services of a host: one may then wait for another to start. */
  readonly together?: true;
  /** Shared by the pollers of this program where it polls several Engines. */
  readonly census?: ContainerNames;
}

/** Runs until the signal aborts or the work is done; resolves with the exit code. */
export type Service = (context: ServiceContext) => Promise<number>;

/** Ends the process with the service's exit code. A second SIGTERM or SIGINT ends it at once. */
export async function runService(name: string, args: readonly string[], service: Service): Promise<void> {
  keepHeapSmall();
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // every waiting gate adds a listener
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => (stop.signal.aborted ? process.exit(130) : stop.abort(signal)));
  }
  let log: Logger | undefined;
  let dataDir = "";
  try {
    const flags = readFlags(args);
    const settings = readSettings(process.env, flags);
    dataDir = settings.DATA_DIR;
    log = openLog({ service: name === "ouroboros" ? undefined : name, settings, out: process.stdout });
    log.info({ pid: process.pid, version: OWN_VERSION }, "started");
    for (const warning of settingWarnings(process.env, flags, settings)) log.warn(warning);
    const health = new Health();
    await using _served = await serveHealth(settings.HEALTH_PORT, health);
    const context = { settings, log, clock: systemClock, signal: stop.signal, health };
    const isLimited = isOneCycle(settings) && ONE_CYCLE_PROGRAMS.includes(name);
    const ended = isLimited ? await runWithTimeLimit(context, service) : { code: await service(context) };
    logEnd(log, stop.signal, ended);
    process.exit(ended.code); // leaves behind whatever hangs, such as a NATS connection on which no server greeted
  } catch (error) {
    const sentence = error instanceof CannotStart ? error.message : explainUnwritable(error, dataDir);
    if (sentence !== undefined)
      process.stderr.write(`${name === "ouroboros" ? name : `ouroboros ${name}`}: ${sentence}\n`);
    else if (log !== undefined) log.fatal({ err: error }, "ended by an error");
    else throw error;
    process.exitCode = 1;
  }
}

/**
 * V8 lets garbage grow to a multiple of the live data else (docs/decisions/0024). On Node's command line these flags would
 * make each start half as long again: Node's own compiled code, and ours, is for V8 without them.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** Programs whose work is a cycle, so that RUN_ONCE and DRY_RUN limit them. */
const ONE_CYCLE_PROGRAMS = ["ouroboros", "poller"];

function logEnd(log: Logger, stop: AbortSignal, { code, waited }: ProgramResult): void {
  if (waited !== undefined)
    log.error({ code, waiting_for: waited }, "stopped: RUN_ONCE_TIMEOUT is over, and the work is not done");
  else log.info({ because: stop.aborted ? String(stop.reason) : "done", code }, "stopped");
}

export interface Host {
  readonly name: string;
  readonly engine: Engine;
  /** Ids of the containers of this Engine that this program may run in. */
  readonly own: readonly string[];
}

/** Pause before another attempt to reach an Engine that does not answer. */
const RETRY_MS = 2000;
/** Must stay below the timeout of a health check. */
const PING_MS = 3000;

/**
 * Opens the host behind DOCKER_SOCKETS[index] and waits until its Engine answers. Its name is OUROBOROS_HOST[index],
 * else the Engine's own. Undefined when the signal aborts first, or when the Engine does not answer in a single-cycle
 * run.
 */
export async function openHost(
  { settings, log, clock, signal, health }: ServiceContext,
  index: number,
): Promise<Host | undefined> {
  const socket = settings.DOCKER_SOCKETS[index] ?? "";
  health.addEngine(socket, () => "does not answer");
  for (let isLogged = false; !signal.aborted; isLogged = true) {
    try {
      const tls = await loadTls(socket, settings, clock.now());
      if (tls?.ca === undefined && tls !== undefined)
        log.warn({ socket }, "DOCKER_TLS_VERIFY is off: the Engine's certificate is not checked");
      const engine = await openEngine(socket, settings.DOCKER_TIMEOUT, {
        tls,
        compat: settings.COMPAT_LABELS,
      });
      const own = await findOwnContainers(engine);
      health.addEngine(socket, async () => {
        await engine.docker.listContainers({ limit: 1, abortSignal: clock.deadline(PING_MS) });
        return undefined;
      });
      return { name: settings.OUROBOROS_HOST[index] ?? engine.hostname, engine, own };
    } catch (error) {
      const once = isOneCycle(settings);
      if (!isLogged)
        log.error(
          { socket, because: explain(error) },
          once ? "Engine does not answer" : "Engine does not answer; waiting for it",
        );
      if (once) return undefined;
      await clock.sleep(RETRY_MS, signal);
    }
  }
  return undefined;
}

/** Exit code of a service that was stopped: in a single-cycle run the cycle counts as unfinished. */
export const exitCodeWhenStopped = ({ settings }: Pick<ServiceContext, "settings">): number =>
  isOneCycle(settings) ? EXIT_CODES.unfinished : EXIT_CODES.done;

/**
 * Runs `work` for all hosts in parallel; a dead Engine does not disturb the others. Resolves with the worst exit
 * code.
 */
export async function forEachHost(
  context: ServiceContext,
  work: (host: Host) => Promise<number>,
): Promise<number> {
  const codes = await Promise.all(
    context.settings.DOCKER_SOCKETS.map(async (_, index) => {
      const host = await openHost(context, index);
      return host === undefined
        ? context.signal.aborted
          ? exitCodeWhenStopped(context)
          : EXIT_CODES.failed
        : work(host);
    }),
  );
  return Math.max(...codes);
}
