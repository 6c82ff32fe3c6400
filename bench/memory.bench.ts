// Resident memory of each service and of all of them in one process after idling, as the difference to a bare Node
// process of the same version in the same run; and the time from start to ready. IDLE_MINUTES (10) says how long.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { engine, startNats } from "../test/bed/bed.ts";
import { deploy } from "../test/support/containers.ts";
import { startNatsMqtt } from "../test/support/mqtt.ts";
import { until } from "../test/support/until.ts";
import { goalFor, report } from "./bench-report.ts";

const PROGRAM = join(import.meta.dirname, "../cli/main.js");
const IDLE_MS = Number(process.env["IDLE_MINUTES"] ?? "10") * 60_000;
/** How many MB beyond a bare Node each may have. */
const MOST_MB = {
  ...{ poller: 60, updater: 60, "hook-executor": 60, notifier: 60, exporter: 60, "home-assistant": 60 },
  ...{ dashboard: 60 },
  ...{ "all in one": 75, "all in one, with observers": 90 },
} as const;
const DASHBOARD_TOKEN = "ann:viewer:ann-0123456789-0123456789";
type MeasuredProgram = keyof typeof MOST_MB;
const SERVICES = Object.keys(MOST_MB) as readonly MeasuredProgram[];

await using h1 = engine(1);
await using nats = await startNats();
await using broker = await startNatsMqtt();
const folder = await mkdtemp(join(tmpdir(), "memory-"));
for (const name of ["one", "two", "three"]) await deploy(h1, name);
const children: ChildProcess[] = [];
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess => {
  const child = spawn(process.execPath, args, {
    env: { PATH: `/usr/bin:${process.env["PATH"] ?? ""}`, ...env }, // Debian's Python, which has Apprise
    stdio: "ignore",
  });
  children.push(child);
  return child;
};

const bare = run(["-e", "setInterval(() => undefined, 1000)"]);
const ready = new Map<string, number>();
const processes = new Map<string, ChildProcess>();
for (const [n, service] of SERVICES.entries()) {
  const port = 9500 + n;
  const from = performance.now();
  const isAll = service.startsWith("all in one");
  const child = run([PROGRAM, ...(isAll ? [] : [service])], {
    ...{
      HEALTH_PORT: String(port),
      DATA_DIR: join(folder, String(n)),
      DOCKER_SOCKETS: `unix://${h1.socket}`,
    },
    ...{ OUROBOROS_HOST: isAll ? `alone${n}` : "h1", NATS_URL: isAll ? "" : nats.url },
    ...(service !== "all in one" && {
      ...{ DATA_EXPORT: "prometheus", PROMETHEUS_PORT: String(port + 100) },
      ...{ DASHBOARD: "on", DASHBOARD_PORT: String(port + 200), DASHBOARD_TOKENS: DASHBOARD_TOKEN },
      ...{ MQTT_URL: broker.url, NOTIFIERS: "json://127.0.0.1:9", SKIP_STARTUP_NOTIFICATIONS: "true" },
    }),
  });
  await until(`${service} is ready`, () =>
    fetch(`http://127.0.0.1:${port}/readyz`)
      .then(({ ok }) => ok)
      .catch(() => false),
  );
  ready.set(service, performance.now() - from);
  processes.set(service, child);
}
await pause(IDLE_MS);

const floor = await resident(bare);
const rows: string[][] = [];
for (const service of SERVICES) {
  const more = (await resident(processes.get(service) ?? bare)) - floor;
  rows.push([
    service,
    `${more.toFixed(0)} MB`,
    goalFor(more, MOST_MB[service], " MB"),
    `${(ready.get(service) ?? 0).toFixed(0)} ms`,
  ]);
}
for (const child of children) child.kill("SIGKILL");
for (const child of children)
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
await rm(folder, { recursive: true, force: true });
await report(
  "memory",
  `Resident after ${IDLE_MS / 60_000} idle minutes, beyond a bare Node ${process.version} (${floor.toFixed(0)} MB):`,
  [["", "memory", "goal", "from start to ready"], ...rows],
);

/** MB. */
async function resident({ pid = 0 }: ChildProcess): Promise<number> {
  const [, kB = "0"] = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kB) / 1024;
}
