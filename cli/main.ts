#!/usr/bin/env node
// The program. A health check, run every half minute, loads nothing else.
import { healthcheck } from "./commands/healthcheck.ts";

const args = process.argv.slice(2);
if (args.join(" ") === "healthcheck") process.exitCode = await healthcheck("/readyz", process);
else await (await import("./program.ts")).start(args);
