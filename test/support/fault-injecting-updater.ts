// The updater, but right before or after the step that FAULT_AT names ("after stop the old container") the shell command
// FAULT_RUN is run, once.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { runService } from "../../shared/runtime/run-service.ts";
import { runUpdaterWith } from "../../services/updater/run.ts";
import { swapSteps } from "../../services/updater/swap/swap-steps.ts";

let isToCome = true;

async function come(moment: string): Promise<void> {
  if (moment !== process.env["FAULT_AT"] || !isToCome) return;
  isToCome = false;
  await promisify(execFile)("bash", ["-c", process.env["FAULT_RUN"] ?? "false"]);
}

const steps = swapSteps.map((step) => ({
  ...step,
  do: async (swap: Parameters<typeof step.do>[0]) => {
    await come(`before ${step.name}`);
    await step.do(swap);
    await come(`after ${step.name}`);
  },
}));

void runService("updater", [], (context) => runUpdaterWith(context, steps));
