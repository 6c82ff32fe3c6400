// Runs all services in one process, for users who provide no more than the Docker socket: a private NATS, unless
// NATS_URL names one, and for each host an updater, a hook-executor and a poller.
import { firstOf } from "../shared/clock.ts";
import { type ObserverName, observerNames, observers } from "../shared/contract/observers.ts";
import { CannotStart } from "../shared/errors.ts";
import { type ServiceContext, type Host, type Service, forEachHost } from "../shared/runtime/run-service.ts";
import { ContainerNames } from "../shared/runtime/container-names.ts";
import type { Settings } from "../shared/settings/settings.ts";
import { runHookExecutor } from "../services/hook-executor/run.ts";
import { runPoller } from "../services/poller/run.ts";
import { runUpdater } from "../services/updater/run.ts";
import { writeAccessFile } from "../nats/access-file.ts";
import { providePrivateNats } from "../nats/private-nats.ts";
import { loadService } from "./services.ts";

/**
 * Ends the services first and the private NATS after them. An error of one service ends the program with that error.
 */
export const runAllInOne: Service = async (context) => {
  const { settings, signal } = context;
  const state: { wrong: string | undefined } = { wrong: "not started yet" };
  context.health.addPart("services", () => state.wrong); // until each service has registered its own health checks
  await using nats = settings.NATS_URL === "" ? await providePrivateNats(context) : undefined;
  await using _access = nats && (await writeAccessFile(settings.DATA_DIR, nats.access));
  const failures: unknown[] = [];
  const failed = new AbortController();
  const ended = new AbortController();
  const common: ServiceContext = {
    ...context,
    census: new ContainerNames(settings.DOCKER_SOCKETS.length),
    settings: { ...settings, ...nats?.access, RUN_ONCE: settings.RUN_ONCE || settings.DRY_RUN },
    signal: firstOf(signal, failed.signal),
  };
  const observersEnd = runObservers({ ...common, signal: firstOf(common.signal, ended.signal) });
  const code = await forEachHost(common, async (host) => {
    try {
      const exitCode = runHost(common, host);
      state.wrong = undefined;
      return await exitCode;
    } catch (error) {
      failures.push(error);
      failed.abort();
      return 1;
    }
  });
  ended.abort("the hosts' services ended");
  await observersEnd;
  if (failures.length > 0) throw failures[0];
  return code;
};

const RESTART_MS = 10_000;

/** Runs the observers that the settings ask for, beside the hosts' services. */
async function runObservers(context: ServiceContext): Promise<void> {
  const wanted = observerNames.filter((name) => observers[name].isWanted(context.settings));
  await Promise.all(wanted.map((name) => runObserver(name, context)));
}

/** An observer that fails is logged, and updates go on without it; it is started again unless its settings are wrong. */
async function runObserver(service: ObserverName, context: ServiceContext): Promise<void> {
  const { clock, signal } = context;
  const log = context.log.child({ service });
  for (;;) {
    try {
      await (
        await loadService[service]()
      )({ ...context, log });
      return;
    } catch (error) {
      if (error instanceof CannotStart) {
        log.error({ because: error.message }, `the ${service} cannot run; updates go on without it`);
        return;
      }
      log.error({ err: error }, `the ${service} failed, and is started again; updates go on`);
    }
    await clock.sleep(RESTART_MS, signal);
    if (signal.aborted) return;
  }
}

const hostServices = (settings: Settings): Readonly<Record<string, Service>> => ({
  updater: runUpdater,
  ...(settings.HOOK_EXECUTOR && { "hook-executor": runHookExecutor }),
  poller: runPoller,
});

/** The first service to end, such as the poller with RUN_ONCE, stops the others; resolves when all have ended. */
async function runHost(context: ServiceContext, { name, engine }: Host): Promise<number> {
  const settings: Settings = {
    ...context.settings,
    DOCKER_SOCKETS: [engine.socket],
    OUROBOROS_HOST: [name],
  };
  const done = new AbortController();
  const signal = firstOf(context.signal, done.signal);
  const ends = await Promise.allSettled(
    Object.entries(hostServices(settings)).map(async ([service, run]) => {
      try {
        return await run({
          ...context,
          together: true,
          settings,
          signal,
          log: context.log.child({ service }),
        });
      } finally {
        done.abort(`${service} ended`);
      }
    }),
  );
  const codes = ends.map((end) => {
    if (end.status === "rejected") throw end.reason;
    return end.value;
  });
  return Math.max(...codes);
}
