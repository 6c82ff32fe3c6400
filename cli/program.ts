// Starts what the command line names: one service, all services, or an operator's command. Code is loaded on demand,
// so that a service that idles for weeks holds no other service's code in memory.
import { systemClock } from "../shared/clock.ts";
import type { Service } from "../shared/runtime/run-service.ts";
import type { Terminal } from "./framework/terminal.ts";
import { isService, loadService } from "./services.ts";

/** Sets the process's exit code. */
export async function start(args: readonly string[]): Promise<void> {
  const [first = "", ...rest] = args;
  const asksForHelp = args.some((arg) => arg === "--help" || arg === "-h");
  if (first === "helper") {
    const { runHelper } = await import("../services/updater/run.ts");
    return runServiceNamed(first, rest.slice(1), runHelper(rest[0] ?? ""));
  }
  if (isService(first) && !asksForHelp) return runServiceNamed(first, rest, await loadService[first]());
  if (!isService(first) && !first.startsWith("-") && first !== "") {
    const command = (await import("./framework/dispatch.ts")).findCommand(args);
    if (command !== undefined) {
      // otherwise a NATS server that never greets would keep the process alive
      process.exit(await command(openTerminal()));
    }
  }
  const { programUsage, readVersion } = await import("./framework/usage.ts");
  if (asksForHelp) process.stdout.write(`${programUsage()}\n`);
  else if (first === "--version" || first === "-v") process.stdout.write(`${readVersion()}\n`);
  else await runServiceNamed("ouroboros", args, (await import("./all-in-one.ts")).runAllInOne);
}

/** Loads what only services need, such as the log and the Engine's client; commands do without. */
async function runServiceNamed(name: string, args: readonly string[], service: Service): Promise<void> {
  const { runService } = await import("../shared/runtime/run-service.ts");
  await runService(name, args, service);
}

/** Time for a command that ends by itself on the signal, such as `events --follow`. */
const STOP_WITHIN_MS = 300;

function openTerminal(): Terminal {
  const stop = new AbortController();
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)
    process.once(signal, () => {
      stop.abort(signal);
      // a command that waits for an answer ignores the signal
      void systemClock.sleep(STOP_WITHIN_MS).then(() => process.exit(code));
    });
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") process.exit(0); // `ouroboros events | head`: the reader has closed the pipe
  });
  const { env, stdout, stderr } = process;
  return { env, stdout, stderr, clock: systemClock, signal: stop.signal };
}
