// The updater, but killed (SIGKILL, by itself) right after the effect of the step named in DIE_AFTER and before
// anything records it.
import { runService } from "../../shared/run-service.ts";
import { runUpdaterWith } from "../../services/updater/run.ts";
import { swapSteps } from "../../services/updater/swap-steps.ts";

const steps = swapSteps.map((step) => ({
  ...step,
  do: async (swap: Parameters<typeof step.do>[0]) => {
    await step.do(swap);
    if (step.name === process.env["DIE_AFTER"]) process.kill(process.pid, "SIGKILL");
  },
}));

await runService("updater", [], (context) => runUpdaterWith(context, steps));
