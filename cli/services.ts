// Loads a service when it is started: a process that idles for weeks holds no other service's code in memory.
import type { Service } from "../shared/runtime/run-service.ts";
import type { ServiceName } from "./framework/service-table.ts";

export const loadService: Readonly<Record<ServiceName, () => Promise<Service>>> = {
  poller: async () => (await import("../services/poller/run.ts")).runPoller,
  updater: async () => (await import("../services/updater/run.ts")).runUpdater,
  "hook-executor": async () => (await import("../services/hook-executor/run.ts")).runHookExecutor,
  webhook: async () => (await import("../services/webhook/run.ts")).runWebhook,
  notifier: async () => (await import("../services/notifier/run.ts")).runNotifier,
  exporter: async () => (await import("../services/exporter/run.ts")).runExporter,
  "home-assistant": async () => (await import("../services/home-assistant/run.ts")).runHomeAssistant,
  dashboard: async () => (await import("../services/dashboard/run.ts")).runDashboard,
  push: async () => (await import("../services/push/run.ts")).runPush,
};
