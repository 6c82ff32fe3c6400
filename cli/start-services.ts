// Starts one service, or all of them in one process. Code is loaded on demand, so that a service that idles for weeks
// holds no other service's code in memory.
import { type Service, runService } from "../shared/runtime/run-service.ts";
import { isService } from "./framework/service-table.ts";
import { loadService } from "./services.ts";

/** Sets the process's exit code. */
export async function startServices(args: readonly string[]): Promise<void> {
  const [first = "", ...rest] = args;
  if (first === "helper") await runService(first, rest.slice(1), await loadHelper(rest[0] ?? ""));
  else if (isService(first)) await runService(first, rest, await loadService[first]());
  else await runService("ouroboros", args, await loadAllInOne());
}

const loadHelper = async (order: string): Promise<Service> =>
  (await import("../services/updater/run.ts")).runHelper(order);

const loadAllInOne = async (): Promise<Service> => (await import("./all-in-one.ts")).runAllInOne;
