#!/usr/bin/env node
// Entry point of the program. The health check, which runs every half minute, loads none of the other code.
const args = process.argv.slice(2);
if (args.join(" ") === "healthcheck") {
  const { healthcheck } = await import("./commands/healthcheck.ts");
  process.exitCode = await healthcheck("/readyz", process);
} else await (await import("./program.ts")).start(args);
