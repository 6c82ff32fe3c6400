import { runService } from "../../shared/runtime/run-service.ts";
import { runHookExecutor } from "./run.ts";

await runService("hook-executor", process.argv.slice(2), runHookExecutor);
