#!/usr/bin/env node
// Entry point of the program. The health check, which runs every half minute, loads none of the other code.
import { healthcheck } from "./commands/healthcheck.ts";

const args = process.argv.slice(2);
if (args.join(" ") === "healthcheck") process.exitCode = await healthcheck("/readyz", process);
else await (await import("./program.ts")).start(args);
