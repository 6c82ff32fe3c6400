// Starts the program of a bundle as far as it comes without an Engine and NATS, and keeps beside the bundle what V8 compiled
// on the way.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import v8 from "node:v8";
import { compileBundle, compiledCodeOf, runBundle } from "../dist/cli/load-bundle.js";

/** Time to find out that nothing answers. */
const STOP_AFTER_MS = 500;

const file = resolve(process.argv[2]);
const program = process.argv[3];
const folder = mkdtempSync(join(tmpdir(), "ouroboros-build-"));
process.env = {
  DATA_DIR: folder,
  NATS_URL: "nats://127.0.0.1:1",
  DOCKER_SOCKETS: `unix://${folder}/no.sock`,
  HEALTH_PORT: "off",
};
for (const stream of [process.stdout, process.stderr]) stream.write = () => true;
v8.setFlagsFromString = () => undefined; // code that V8 compiles with other flags than it starts with fits no start

const script = compileBundle(file);
let hasFailed = false;
process.on("uncaughtExceptionMonitor", () => (hasFailed = true));
process.on("exit", () => {
  rmSync(folder, { recursive: true });
  if (hasFailed) return;
  writeFileSync(compiledCodeOf(file), script.createCachedData());
  process.exitCode = 0;
});
const exported = runBundle(file, script);
setTimeout(() => process.emit("SIGTERM", "SIGTERM"), STOP_AFTER_MS).unref();
if (program === "start-command") await exported.startCommand(["status"]);
else if (program in exported) await exported[program]();
else await exported.startServices(program === "start-services" ? [] : [program]);
