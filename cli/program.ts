// What the words of the command line start: one service, all of them, or one of the operator's commands. Code is
// loaded when it is needed: a service that idles for weeks holds no other's.
import { systemClock } from "../shared/clock.ts";
import type { Service } from "../shared/runtime/run-service.ts";
import type { ServiceName } from "./framework/command-table.ts";
import type { Terminal } from "./framework/terminal.ts";

const services: Readonly<Record<ServiceName, () => Promise<Service>>> = {
  poller: async () => (await import("../services/poller/run.ts")).runPoller,
  updater: async () => (await import("../services/updater/run.ts")).runUpdater,
  "hook-executor": async () => (await import("../services/hook-executor/run.ts")).runHookExecutor,
  webhook: async () => (await import("../services/webhook/run.ts")).runWebhook,
};
const isService = (word: string): word is ServiceName => Object.hasOwn(services, word);

/** Sets the process's exit code. */
export async function start(args: readonly string[]): Promise<void> {
  const [first = "", ...rest] = args;
  const asksForHelp = args.some((arg) => arg === "--help" || arg === "-h");
  if (first === "helper") {
    const { runHelper } = await import("../services/updater/run.ts");
    return runServiceNamed(first, rest.slice(1), runHelper(rest[0] ?? ""));
  }
  if (isService(first) && !asksForHelp) return runServiceNamed(first, rest, await services[first]());
  if (!isService(first) && !first.startsWith("-") && first !== "") {
    const command = (await import("./framework/dispatch.ts")).findCommand(args);
    if (command !== undefined) {
      process.exit(await command(openTerminal())); // a server that never greets would keep its connection, and us
    }
  }
  const { programUsage, readVersion } = await import("./framework/usage.ts");
  if (asksForHelp) process.stdout.write(`${programUsage()}\n`);
  else if (first === "--version" || first === "-v") process.stdout.write(`${readVersion()}\n`);
  else await runServiceNamed("ouroboros", args, (await import("./all-in-one.ts")).runAllInOne);
}

/** The commands do without what every service has: a log, settings, the Engine's client. */
async function runServiceNamed(name: string, args: readonly string[], service: Service): Promise<void> {
  const { runService } = await import("../shared/runtime/run-service.ts");
  await runService(name, args, service);
}

/** For a command that ends by itself when it is told to, as `events --follow`. */
const STOP_WITHIN_MS = 300;

function openTerminal(): Terminal {
  const stop = new AbortController();
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)
    process.once(signal, () => {
      stop.abort(signal);
      void systemClock.sleep(STOP_WITHIN_MS).then(() => process.exit(code)); // what waits for an answer does not listen
    });
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") process.exit(0); // `ouroboros events | head`: who read has enough
  });
  const { env, stdout, stderr } = process;
  return { env, stdout, stderr, clock: systemClock, signal: stop.signal };
}
