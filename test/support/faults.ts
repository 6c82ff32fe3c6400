// A container that is due, and something that goes wrong while it is updated; what is measured of it goes into the
// table of docs/reliability.md.
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import type Docker from "dockerode";
import type { ResultRecord } from "../../shared/contract/run-records.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import { type Engine, type ImageOptions, bed, engine } from "../bed/bed.ts";
import { assertLeft, deploy, overview, release } from "./containers.ts";
import { writeSection } from "./docs-sections.ts";
import { awaitResults, requestPlan } from "./runs.ts";
import { type Stack, startStack, withUpdaterLog } from "./stack.ts";
import { until } from "./until.ts";
import { testProgram } from "./test-programs.ts";

const faultyUpdater = testProgram("fault-injecting-updater");
/** For `node --import`. */
export const shiftedClock = join(import.meta.dirname, "shifted-clock.js");

/** A shell command, right before or after this step of the swap. */
type Fault = { readonly run: string } & ({ readonly before: string } | { readonly after: string });

export interface FaultOptions {
  readonly host?: Engine;
  readonly image?: string;
  readonly create?: Docker.ContainerCreateOptions;
  /** The new image. */
  readonly next?: ImageOptions;
  readonly fault?: Fault;
  readonly env?: Readonly<Record<string, string>>;
  readonly stack?: Partial<Parameters<typeof startStack>[0]>;
}

export interface Outcome extends ResultRecord {
  /** Milliseconds for which no container of the name ran, as seen from outside. */
  readonly down: number;
}

export interface FaultScene extends AsyncDisposable {
  readonly host: Engine;
  readonly stack: Stack;
  /** The old container's id. */
  readonly old: string;
  /** Publishes a plan. Resolves with its run. */
  readonly plan: () => Promise<string>;
  /** How the container's part of the run ends. */
  readonly outcome: (run: string, within?: number) => Promise<Outcome>;
  /** One container, running, nothing beside it; every service alive, and no word on any stderr. */
  readonly isWell: (version: string, volumes?: readonly string[]) => Promise<void>;
}

/** `web`, version 1, runs and version 2 is due. */
export async function faultScene(options: FaultOptions = {}): Promise<FaultScene> {
  const { host = engine(1), image = "apps/web", create = {}, next = {}, fault, env = {} } = options;
  const old = await deploy(host, "web", { image, create });
  const stack = await startStack({
    engine: host,
    services: ["hook-executor", "poller"],
    env,
    ...options.stack,
  });
  stack.start("updater", fault && { program: faultyUpdater, env: faultOf(fault) });
  await stack.check();
  await release(image, "2", next);
  const watch = watchFrom(host);
  return {
    host,
    stack,
    old,
    plan: () => requestPlan(stack),
    outcome: async (run, within) => {
      const ends = await awaitResults(stack, run, within);
      const record = stack.records.findLast(
        (one): one is ResultRecord & typeof one =>
          one.kind === "ended" && one.run === run && one.container === "web",
      );
      assert.ok(record, JSON.stringify(ends));
      return { ...record, down: watch.down() };
    },
    isWell: async (version, volumes = []) => {
      assert.deepEqual(await overview(host), [`web running ${version}`]);
      await withUpdaterLog(
        stack,
        assertLeft(host, volumes, (thing) => !thing.includes(": container ")),
      );
      for (const [name, service] of Object.entries(stack.services)) {
        assert.equal(service.stderrText(), "", `the ${name} wrote to stderr`);
        assert.equal(await Promise.race([service.exited, sleep(0, "alive")]), "alive", `the ${name} ended`);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await watch[Symbol.asyncDispose]();
      await stack[Symbol.asyncDispose]();
    },
  };
}

function faultOf({ run, ...at }: Fault): Record<string, string> {
  const bed = Object.entries(process.env).filter(([name]) => name.startsWith("BED"));
  return {
    ...(Object.fromEntries(bed) as Record<string, string>),
    FAULT_AT: Object.entries(at).flat().join(" "),
    FAULT_RUN: run,
  };
}

/** How long `web` did not run, by asking the Engine every 20 ms. While the Engine does not answer, nothing is known. */
function watchFrom({ docker }: Engine): AsyncDisposable & { readonly down: () => number } {
  const over = new AbortController();
  let down = 0;
  const watching = (async () => {
    for (let last = performance.now(); !over.signal.aborted;) {
      await sleep(20);
      const runs = await docker.listContainers().then(
        (list) => list.some(({ Names }) => Names.some((name) => /^\/web(\.|$)/.test(name))),
        () => true,
      );
      const now = performance.now();
      if (!runs) down += now - last;
      last = now;
    }
  })();
  return {
    down: () => Math.round(down),
    [Symbol.asyncDispose]: async () => {
      over.abort();
      await watching;
    },
  };
}

/** The updater has made anew what it takes plans by. */
export async function awaitPlanConsumer({ nats, host }: Stack): Promise<void> {
  const manager = await jetstreamManager(nats, { checkAPI: false });
  await until("the updater takes plans", () =>
    manager.consumers.info(STREAMS.hooks, consumers.updater(host)).then(
      () => true,
      () => false,
    ),
  );
}

/** A shell command: for so many seconds another process of the host listens on the port. */
export function holdPort(port: number, seconds: number, host = 1): string {
  const listen = `require("net").createServer().listen(${port}, "0.0.0.0", () => console.log("up"))`;
  const inHost = `nsenter --net=/run/netns/${basename(bed().folder)}-h${host}`;
  return `up=$(mktemp); timeout ${seconds} ${inHost} node -e '${listen}' > "$up" 2>&1 & until [ -s "$up" ]; do sleep 0.05; done; rm "$up"`;
}

const rows: string[] = [];

/** A row of the table. */
export function addFaultRow(fault: string, happens: string, measured?: Outcome): void {
  const seconds = (ms: number | undefined): string =>
    ms === undefined ? "" : ms === 0 ? "0" : (ms / 1000).toFixed(1);
  rows.push(`| ${fault} | ${happens} | ${seconds(measured?.down)} | ${seconds(measured?.ms)} |`);
}

/** The table of all that was told so far, by the full run. */
export async function writeFaults(): Promise<void> {
  if (process.env["OUROBOROS_TEST_FULL"] !== "1") return;
  const head = [
    "| fault | what happens | not running, seconds | from the run's begin to its end, seconds |",
    "| --- | --- | --- | --- |",
  ];
  await writeSection("faults", [...head, ...rows.toSorted()].join("\n"));
}
