import { runService } from "../../shared/runtime/run-service.ts";
import { runPoller } from "./run.ts";

await runService("poller", process.argv.slice(2), runPoller);
