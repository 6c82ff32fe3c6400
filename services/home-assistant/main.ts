import { runService } from "../../shared/runtime/run-service.ts";
import { runHomeAssistant } from "./run.ts";

await runService("home-assistant", process.argv.slice(2), runHomeAssistant);
