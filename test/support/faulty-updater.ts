// The updater, but right after the effect of the step named in FAULT_AFTER the shell command FAULT_RUN is run, once.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { runService } from "../../shared/run-service.ts";
import { runUpdaterWith } from "../../services/updater/run.ts";
import { swapSteps } from "../../services/updater/swap/swap-steps.ts";

let isToCome = true;

const steps = swapSteps.map((step) => ({
  ...step,
  do: async (swap: Parameters<typeof step.do>[0]) => {
    await step.do(swap);
    if (step.name !== process.env["FAULT_AFTER"] || !isToCome) return;
    isToCome = false;
    await promisify(execFile)("bash", ["-c", process.env["FAULT_RUN"] ?? "false"]);
  },
}));

await runService("updater", [], (context) => runUpdaterWith(context, steps));
