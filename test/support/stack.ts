// The three services as real processes, or as one, against a NATS server of their own and one Engine of the bed; and what a
// watcher sees of them: every hook event and every record of the journal. A secret that is written anywhere fails the test.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ConnectionOptions, type Msg, type NatsConnection, connect } from "nats";
import { isHookName } from "../../shared/contract/hooks.ts";
import { type CloudEvent, type Notice, makeCommandBody, parseJson } from "../../shared/contract/messages.ts";
import type { UpdateResult, ResultRecord, RunRecord } from "../../shared/contract/run-records.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { type Engine, type NatsOptions, type NatsServer, startNats } from "../bed/bed.ts";
import { CANARY_SETTINGS, containsCanary } from "./canary-secret.ts";
import { schemaCheck } from "./schemas.ts";
import { until } from "./until.ts";

const ALL_IN_ONE = join(import.meta.dirname, "../../cli/main.js");
const program = (service: ServiceName): string =>
  join(import.meta.dirname, `../../services/${service}/main.js`);

/** A warning, or the last line about an error that nobody caught. */
const NODES_OWN = /^(?:\(node:\d+\) .*|Node\.js v.*)$/gm;

export type ServiceName = "poller" | "updater" | "hook-executor";

/** For a test that ends or replaces one of them. */
export const SEPARATE_PROCESSES: readonly ServiceName[] = ["updater", "hook-executor", "poller"];

export interface Process extends AsyncDisposable {
  readonly pid: number;
  readonly log: () => string;
  /** What it wrote to stderr: nothing, if all is well. */
  readonly stderrText: () => string;
  readonly exited: Promise<number | string>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

export interface SeenEvent {
  readonly subject: string;
  readonly hook: string;
  readonly event: CloudEvent;
}

export interface Stack extends AsyncDisposable {
  readonly host: string;
  readonly server: NatsServer;
  /** An operator's connection. */
  readonly nats: NatsConnection;
  /** How an operator's programs reach NATS: settings. */
  readonly access: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly events: readonly SeenEvent[];
  /** update_finished and run_finished. */
  readonly notices: readonly Notice[];
  /** tag_moved. */
  readonly moves: readonly Notice[];
  readonly records: readonly RunRecord[];
  readonly services: Readonly<Partial<Record<ServiceName, Process>>>;
  /** `updater` may be another program, with the same settings. */
  readonly start: (
    service: ServiceName,
    options?: { env?: Readonly<Record<string, string>>; program?: string },
  ) => Process;
  /** Writes an executable script; the path is relative to the hooks folder, `before_update/10-check`. */
  readonly script: (path: string, text: string, mode?: number) => Promise<void>;
  /** Asks the poller for a cycle, or that of another host on its NATS; resolves when it ended. */
  readonly check: (host?: string) => Promise<Record<string, unknown>>;
  /** Resolves with how the container's part of the next (or the `nth`) run ends. */
  readonly awaitResult: (
    container: string,
    options?: { nth?: number; within?: number },
  ) => Promise<ResultRecord & RunRecord>;
  /** Waits until it ended, and fails with the reason if that is another end. */
  readonly expectResult: (container: string, end: UpdateResult) => Promise<void>;
  /** Names of the hooks heard so far, in order, with the container: `before_update web`. */
  readonly heard: () => string[];
}

interface StackOptions {
  readonly engine: Engine;
  /** Each in a process of its own; without a list all are one process, as most users have it: that is started in half the time. */
  readonly services?: readonly ServiceName[];
  readonly env?: Readonly<Record<string, string>>;
  readonly nats?: NatsOptions;
  /** The test publishes events of its own that are not as the schemas have it. */
  readonly forges?: boolean;
  /** Where the server lets in only whom it knows: the operator's settings, and the same for the test's connection. */
  readonly operator?: {
    readonly access: Readonly<Record<string, string>>;
    readonly connection: ConnectionOptions;
  };
}

export async function startStack({
  engine,
  services,
  env = {},
  nats: serverOptions,
  forges = false,
  operator,
}: StackOptions): Promise<Stack> {
  const server = await startNats(serverOptions);
  const folder = await mkdtemp(join("/tmp", "ouroboros-stack-"));
  await mkdir(join(folder, "hooks"));
  const nats = await connect({
    servers: server.url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    ...operator?.connection,
  });
  const events: SeenEvent[] = [];
  const notices: Notice[] = [];
  const moves: Notice[] = [];
  const records: RunRecord[] = [];
  const secrets: string[] = [];
  watch(nats, { events, notices, moves, records, secrets });
  const running: Partial<Record<ServiceName, Process>> = {};
  const all: Process[] = [];
  const common = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    ...(process.env["NODE_V8_COVERAGE"] && { NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"] }),
    ...(process.env["NODE_EXTRA_CA_CERTS"] && { NODE_EXTRA_CA_CERTS: process.env["NODE_EXTRA_CA_CERTS"] }),
    NATS_URL: server.url,
    ...(operator === undefined && serverOptions?.config === undefined && CANARY_SETTINGS),
    DOCKER_SOCKETS: `unix://${engine.socket}`,
    OUROBOROS_HOST: engine.name,
    DATA_DIR: join(folder, "data"),
    HOOKS_DIR: join(folder, "hooks"),
    SETTLE_TIME: "300ms",
    LOG_LEVEL: "debug",
    CHECK_NEW: "off", // a test says itself when the poller looks
    ...env,
  };
  const startAs = (names: readonly ServiceName[], file: string, more = {}): Process => {
    const started = startProcess(file, { ...common, ...more });
    for (const name of names) running[name] = started;
    all.push(started);
    return started;
  };
  const start: Stack["start"] = (service, options = {}) =>
    startAs([service], options.program ?? program(service), options.env);
  const stack: Stack = {
    host: engine.name,
    server,
    nats,
    access: { NATS_URL: server.url, ...operator?.access },
    folder,
    events,
    notices,
    moves,
    records,
    services: running,
    start,
    script: async (path, text, mode = 0o755) => {
      const file = join(folder, "hooks", path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      await chmod(file, mode);
    },
    check: async (host = engine.name) => checkBy(nats, host),
    awaitResult: (container, { nth = 1, within } = {}) =>
      until(
        `${container} ends`,
        () =>
          records.filter(
            (record): record is ResultRecord & RunRecord =>
              record.kind === "ended" && record.container === container,
          )[nth - 1],
        {
          within,
          explain: () => all.map((one) => one.log()).join("\n"),
        },
      ),
    expectResult: async (container, end) => {
      const record = await stack.awaitResult(container);
      assert.equal(record.end, end, record.because);
    },
    heard: () => events.map(({ hook, event }) => `${hook} ${event.subject}`.trim()),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
      await nats.close();
      const talkative = all
        .filter((one) => containsCanary(one.log()))
        .map((one) => `the output of ${one.pid}`);
      const warnings = all.flatMap((one) => one.stderrText().match(NODES_OWN) ?? []);
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
      assert.deepEqual(
        forges ? [] : offences({ events, notices, moves, records }),
        [],
        "what was published is not as docs/schemas/ have it",
      );
      assert.deepEqual(warnings, [], "Node warned of something, or ended a process by an error");
      assert.deepEqual([...secrets, ...talkative], [], "a secret that the test planted was written");
    },
  };
  if (services === undefined) {
    const together = startAs([], ALL_IN_ONE);
    for (const name of SEPARATE_PROCESSES)
      running[name] = { ...together, kill: refuse, [Symbol.asyncDispose]: refuse };
  }
  for (const service of services ?? []) start(service);
  return stack;
}

/** Of a service that is not alone. */
function refuse(): never {
  throw new Error("All services are one process here: start the stack with `services: EACH_ALONE`.");
}

/** What of a real run is not as the published schemas say. */
function offences({ events, notices, moves, records }: Seen): string[] {
  const check = schemaCheck();
  return [
    ...events.map(({ hook, event }) => check(hook, event)),
    ...[...notices, ...moves].map((notice) => check(notice.type.split(".")[1] ?? "", notice)),
    ...records.map((record) => check("run-record", record)),
  ].filter((wrong) => wrong !== "");
}

interface Seen {
  readonly events: SeenEvent[];
  readonly notices: Notice[];
  readonly moves: Notice[];
  readonly records: RunRecord[];
}

/** `secrets`: subjects of messages that tell one. */
function watch(
  nats: NatsConnection,
  { events, notices, moves, records, secrets }: Seen & { readonly secrets: string[] },
): void {
  const told = ["hook", "run", "verdict", "progress"].map((kind) => `ouroboros.${kind}.>`); // who hears a command answers it
  for (const subject of [...told, "$KV.>"])
    nats.subscribe(subject, {
      callback: (_error, message) => {
        if (containsCanary(message.data)) secrets.push(message.subject);
      },
    });
  nats.subscribe("ouroboros.hook.>", {
    callback: (_error, message) => {
      const [, , , hook = ""] = message.subject.split(".");
      const event = objectIn(message);
      if (event === undefined) return;
      if (isHookName(hook)) events.push({ subject: message.subject, hook, event: event as CloudEvent });
      else (hook === "tag_moved" ? moves : notices).push(event as Notice);
    },
  });
  nats.subscribe("ouroboros.run.>", {
    callback: (_error, message) => {
      const record = objectIn(message);
      if (record !== undefined && !message.subject.endsWith(".open")) records.push(record as RunRecord);
    },
  });
}

/** Undefined for what a test sends that is none. */
function objectIn(message: Msg): unknown {
  const said = parseJson(message.string());
  return typeof said === "object" && said !== null ? said : undefined;
}

async function checkBy(nats: NatsConnection, host: string): Promise<Record<string, unknown>> {
  const subject = subjects.command(host, "poller", "check");
  return until("the poller answers", async () => {
    try {
      return (await nats.request(subject, makeCommandBody("check"), { timeout: 20_000 })).json<
        Record<string, unknown>
      >();
    } catch {
      return undefined; // not up yet
    }
  });
}

/** Any Node program, started by the program `through` where there is one; SIGTERM and, if it does not end within ten seconds, SIGKILL at the end of the scope. */
export function startProcess(
  file: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  through: readonly string[] = [],
): Process {
  const node = [...through, process.execPath];
  const command = ["--pdeathsig", "KILL", "--", ...node, file, ...args]; // nothing outlives the test
  const child = spawn("setpriv", command, { env, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  let complaints = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (log += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const exited = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
  return {
    pid: child.pid ?? 0,
    log: () => log,
    stderrText: () => complaints,
    exited,
    kill: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exited;
      clearTimeout(late);
    },
  };
}

/** Adds the updater's log to what a check says that fails. */
export const withUpdaterLog = (stack: Stack, check: Promise<void>): Promise<void> =>
  check.catch((error: unknown) => {
    throw new Error(`${String(error)}\n${stack.services.updater?.log() ?? ""}`, { cause: error });
  });
