// The dashboard, which on SIGUSR2 collects its garbage and writes how many bytes its heap holds then.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { runDashboard } from "../../../services/dashboard/run.ts";
import { runService } from "../../../shared/runtime/run-service.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

process.on("SIGUSR2", () => {
  collect();
  process.stdout.write(`\nheap ${process.memoryUsage().heapUsed}\n`);
});

await runService("dashboard", [], runDashboard);
