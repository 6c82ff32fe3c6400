// The updater, but killed (SIGKILL, by itself) when its log says DIE_AT.
import { pino } from "pino";
import { runUpdater } from "../../services/updater/run.ts";
import { runService } from "../../shared/runtime/run-service.ts";

const log = pino({
  hooks: {
    logMethod(args, method) {
      if (args.includes(process.env["DIE_AT"] ?? "")) process.kill(process.pid, "SIGKILL");
      method.apply(this, args);
    },
  },
});

void runService("updater", [], (context) => runUpdater({ ...context, log }));
