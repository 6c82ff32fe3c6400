import { runService } from "../../shared/runtime/run-service.ts";
import { runWebhook } from "./run.ts";

await runService("webhook", process.argv.slice(2), runWebhook);
