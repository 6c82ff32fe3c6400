import { runService } from "../../shared/runtime/run-service.ts";
import { runDashboard } from "./run.ts";

await runService("dashboard", process.argv.slice(2), runDashboard);
