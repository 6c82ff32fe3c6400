#!/usr/bin/env node
// The program: one service, all of them, or one of the operator's commands.
import { systemClock } from "../../shared/clock.ts";
import { type Service, runService } from "../../shared/run-service.ts";
import { runHookExecutor } from "../hook-executor/run.ts";
import { runPoller } from "../poller/run.ts";
import { runUpdater } from "../updater/run.ts";
import { runWebhook } from "../webhook/run.ts";
import { runAll } from "./all.ts";
import type { ServiceName } from "./commands.ts";
import { commandIn } from "./dispatch.ts";
import type { Terminal } from "./terminal.ts";
import { usage, version } from "./usage.ts";

const services: Readonly<Record<ServiceName, Service>> = {
  poller: runPoller,
  updater: runUpdater,
  "hook-executor": runHookExecutor,
  webhook: runWebhook,
};

const args = process.argv.slice(2);
const [first = "", ...rest] = args;
const command = commandIn(args);
const service = Object.hasOwn(services, first) ? services[first as ServiceName] : undefined;
if (command !== undefined) process.exitCode = await command(terminalHere());
else if (args.some((arg) => arg === "--help" || arg === "-h")) process.stdout.write(`${usage()}\n`);
else if (first === "--version" || first === "-v") process.stdout.write(`${version()}\n`);
else if (service !== undefined) await runService(first, rest, service);
else await runService("ouroboros", args, runAll);

function terminalHere(): Terminal {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort(signal));
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") process.exit(0); // `ouroboros events | head`: who read has enough
  });
  const { env, stdout, stderr } = process;
  return { env, stdout, stderr, clock: systemClock, signal: stop.signal };
}
