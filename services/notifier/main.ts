import { runService } from "../../shared/runtime/run-service.ts";
import { runNotifier } from "./run.ts";

await runService("notifier", process.argv.slice(2), runNotifier);
