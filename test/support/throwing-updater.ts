// The updater, but the steps that THROW_AT names for a container, [[container, step]], throw what nobody expects once
// they are done.
import { runService } from "../../shared/runtime/run-service.ts";
import { runUpdaterWith } from "../../services/updater/run.ts";
import { swapSteps } from "../../services/updater/swap/swap-steps.ts";

const faults = JSON.parse(process.env["THROW_AT"] ?? "[]") as readonly (readonly [string, string])[];

const steps = swapSteps.map((step) => ({
  ...step,
  do: async (swap: Parameters<typeof step.do>[0]) => {
    await step.do(swap);
    if (faults.some(([container, name]) => container === swap.name && name === step.name))
      throw new TypeError("Cannot read properties of undefined");
  },
}));

void runService("updater", [], (context) => runUpdaterWith(context, steps));
