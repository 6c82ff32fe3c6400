import { runService } from "../../shared/runtime/run-service.ts";
import { runUpdater } from "./run.ts";

await runService("updater", process.argv.slice(2), runUpdater);
