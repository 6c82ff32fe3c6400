#!/usr/bin/env node
// The program: one service, all of them, the list of participants, or why a container was not updated.
import { type Service, runService } from "../../shared/run-service.ts";
import { runHookExecutor } from "../hook-executor/run.ts";
import { runPoller } from "../poller/run.ts";
import { runUpdater } from "../updater/run.ts";
import { runWebhook } from "../webhook/run.ts";
import { runAll } from "./all.ts";
import { explainContainer } from "./explain.ts";
import { natsConfig } from "./nats-config.ts";
import { participant } from "./participant.ts";
import { usage, version } from "./usage.ts";

const services: Readonly<Record<string, Service>> = {
  poller: runPoller,
  updater: runUpdater,
  "hook-executor": runHookExecutor,
  webhook: runWebhook,
};

const [first = "", ...rest] = process.argv.slice(2);
const service = Object.hasOwn(services, first) ? services[first] : undefined;
if (first === "participant") process.exitCode = await participant(rest, process);
else if (first === "nats-config") process.exitCode = await natsConfig(rest, process);
else if (first === "explain") process.exitCode = await explainContainer(rest, process);
else if (process.argv.some((arg) => arg === "--help" || arg === "-h")) process.stdout.write(`${usage()}\n`);
else if (first === "--version" || first === "-v") process.stdout.write(`${version()}\n`);
else if (service !== undefined) await runService(first, rest, service);
else await runService("ouroboros", process.argv.slice(2), runAll);
