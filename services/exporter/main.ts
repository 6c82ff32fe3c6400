import { runService } from "../../shared/runtime/run-service.ts";
import { runExporter } from "./run.ts";

await runService("exporter", process.argv.slice(2), runExporter);
