import { runService } from "../../shared/runtime/run-service.ts";
import { runPush } from "./run.ts";

await runService("push", process.argv.slice(2), runPush);
