// What the tests of the hook-executor share: a hooks folder to put scripts into, events as the updater publishes
// them, and ways to run them: in this process (`runScripts`) or in a hook-executor of its own (`startExecutor`).
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { pino } from "pino";
import type { HookEvent } from "../../../services/hook-executor/hook-event.ts";
import { prepareTools } from "../../../services/hook-executor/hook-tools.ts";
import { runHook, runNoticeScripts } from "../../../services/hook-executor/run-hook.ts";
import { systemClock } from "../../../shared/clock.ts";
import {
  type EventName,
  type HookName,
  type Locals,
  type NoticeData,
  type NoticeName,
  dataSchema,
  hooks,
  isHookName,
  notices,
} from "../../../shared/contract/hooks.ts";
import {
  type CloudEvent,
  type Notice,
  type Verdict,
  makeEvent,
  makeNotice,
} from "../../../shared/contract/messages.ts";
import type { ContainerPayload, ImagePayload, ServicePayload } from "../../../shared/contract/payloads.ts";
import { readSettings } from "../../../shared/settings/read-settings.ts";
import { eventId } from "../../../shared/contract/subjects.ts";

export const HOST = "web-01.example.com";

export const container = (name: string, id = "c".repeat(64)): ContainerPayload => ({
  id,
  short_id: id.slice(0, 12),
  name,
  status: "running",
  image: "registry.lab:5000/app:1",
  image_id: `sha256:${"a".repeat(64)}`,
  labels: { tier: "front" },
  created: "2025-01-02T03:04:05Z",
  networks: ["front"],
  ports: { "80/tcp": [{ host_ip: "0.0.0.0", host_port: "8080" }], "443/tcp": [] },
  mounts: [{ type: "volume", source: "data", destination: "/data", rw: true }],
  health: null,
});

/** A service of a swarm. */
export const service = (name: string): ServicePayload => ({
  ...{ id: "s".repeat(25), short_id: "s".repeat(10), name, mode: "replicated", replicas: 3 },
  ...{ image: "nginx:1.29", image_id: `sha256:${"a".repeat(64)}`, version: 12, update_status: null },
  ...{ labels: {}, created: "2025-01-02T03:04:05Z", ports: [] },
});

export const image = (letter: string, tags: string[] = []): ImagePayload => ({
  id: `sha256:${letter.repeat(64)}`,
  short_id: `sha256:${letter.repeat(12)}`,
  tags,
  digests: [`registry.lab:5000/app@sha256:${letter.repeat(64)}`],
  labels: { version: letter },
  created: "2025-01-01T00:00:00Z",
  size: 1000,
});

/** An image as the poller knows it before the pull. */
export const remoteImage = (letter: string): ImagePayload => ({
  ...image(letter, ["registry.lab:5000/app:1"]),
  labels: null,
  created: null,
  size: null,
});

const beforeUpdate: Locals<"before_update"> = {
  old_container: container("app"),
  old_image: image("a"),
  new_image: image("b", ["registry.lab:5000/app:1"]),
};

export function cloudEvent<N extends HookName>(
  hook: N,
  locals: Locals<N>,
  of: { readonly run?: string; readonly host?: string; readonly engineId?: string } = {},
): CloudEvent {
  const { run = "run-1", host = HOST, engineId = "ENGINE" } = of;
  const about = hooks[hook].about === "run" ? null : "app";
  return makeEvent({
    id: eventId(run, hook, about),
    hook,
    service: "updater",
    container: about,
    time: new Date().toISOString(),
    context: { host, engine_id: engineId, run, mode: "update", reason: "a new image" },
    locals,
  });
}

export const beforeUpdateEvent = (run = "run-1", host = HOST): CloudEvent =>
  cloudEvent("before_update", beforeUpdate, { run, host });

/** What the end of an update looks like. */
export const updateResult: NoticeData<"update_finished"> = {
  ...{
    name: "app",
    image: "registry.lab:5000/app:1",
    end: "updated",
    because: "the new container proved itself",
  },
  ...{ by: "updater", from: `sha256:${"a".repeat(64)}`, to: `sha256:${"b".repeat(64)}` },
  ...{ from_digest: null, to_digest: null, from_version: "1.4.2", to_version: "1.5.0" },
  ...{ downtime_ms: 240, ms: 5000, steps: [{ step: "stop the old container", ms: 100 }] },
};

export function noticeOf<N extends NoticeName>(notice: N, data: NoticeData<N>, run = "run-1"): Notice {
  const about = notices[notice].about === "container" ? "app" : null;
  return makeNotice({
    ...{ id: eventId(run, notice, about), notice, service: "updater", container: about },
    time: new Date().toISOString(),
    context: { host: HOST, engine_id: "ENGINE", run, mode: "update", reason: "it is over" },
    data,
  });
}

export const updateFinished = (run?: string, result: Partial<NoticeData<"update_finished">> = {}): Notice =>
  noticeOf("update_finished", { ...updateResult, ...result }, run);

export const hookEvent = (hook: EventName, event: CloudEvent | Notice): HookEvent => ({
  id: event.id,
  hook,
  host: HOST,
  container: event.subject,
  data: dataSchema(hook).parse(event.data) as HookEvent["data"],
  text: JSON.stringify(event),
  storedAt: Date.now(),
});

export interface HooksFolder extends AsyncDisposable {
  readonly path: string;
  /** Puts `text` at `<hook>/<name>`; executable unless told otherwise. */
  put(name: string, text: string, mode?: number): Promise<string>;
  /** What a script left in `<path>/out/<name>`; undefined if it left nothing. */
  left(name: string): Promise<string | undefined>;
  /** The same once a script has written a whole line there: the file is made before it has anything in it. */
  wrote(name: string): Promise<string>;
}

export async function hooksFolder(): Promise<HooksFolder> {
  const path = await mkdtemp(join(tmpdir(), "hooks-"));
  await mkdir(join(path, "out"));
  const left = (name: string) => readFile(join(path, "out", name), "utf8").catch(() => undefined);
  return {
    path,
    put: async (name, text, mode = 0o755) => {
      const file = join(path, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text.replaceAll("OUT", join(path, "out")));
      await chmod(file, mode);
      return file;
    },
    left,
    wrote: (name) =>
      until(`a script has written to ${name}`, async () => {
        const text = await left(name);
        return text?.endsWith("\n") ? text : undefined;
      }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export interface Ran {
  readonly verdict: Verdict;
  /** Log records, as JSON. */
  readonly log: readonly Record<string, unknown>[];
}

/** Runs the event's scripts in this process; those of a notice give no verdict, which reads as proceed. `env` is the executor's whole environment beside PATH. */
export async function runScripts(
  folder: HooksFolder,
  env: NodeJS.ProcessEnv = {},
  event: HookEvent = hookEvent("before_update", beforeUpdateEvent()),
  cut: AbortSignal = new AbortController().signal,
): Promise<Ran> {
  const log: Record<string, unknown>[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      log.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  const all: NodeJS.ProcessEnv = {
    PATH: "/usr/bin:/bin", // Debian's python3
    NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"],
    HOOKS_DIR: folder.path,
    DOCKER_SOCKETS: "unix:///nowhere.sock",
    ...env,
  };
  const settings = readSettings({ ...all, HOOK_ENV: `${all["HOOK_ENV"] ?? ""} NODE_V8_COVERAGE` }, new Map());
  const tools = await prepareTools(HOST, { settings, clock: systemClock, log: pino({}, sink) }, all);
  if (isHookName(event.hook)) return { verdict: await runHook(event, tools, cut), log };
  await runNoticeScripts(event, tools, cut);
  return { verdict: { verdict: "proceed" }, log };
}

/** What a script's stdout or stderr said, from the log. */
export const linesOf = ({ log }: Ran): readonly string[] =>
  log.flatMap(({ line }) => (typeof line === "string" ? [line] : []));

/** Awaits a condition; fails with what was awaited. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  ms = 45_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen;
    if (performance.now() > deadline) assert.fail(`not within ${ms} ms: ${what}`);
    await pause(10);
  }
}

/** Awaits the end of a process; one that was killed takes a moment to go, and so does its parent's reaping it. */
export async function gone(pid: string): Promise<void> {
  const number = pid.trim();
  assert.match(number, /^\d+$/);
  await until(`process ${number} is gone`, () => !runs(number));
}

/** Whether a process runs: there and no zombie. */
export function runs(pid: number | string): boolean {
  const stat = `/proc/${pid}/stat`;
  try {
    return existsSync(stat) && !/\) [ZX]/.test(readFileSync(stat, "utf8"));
  } catch {
    return false;
  }
}

export interface Executor extends AsyncDisposable {
  readonly process: ChildProcess;
  /** What it has logged so far. */
  readonly output: () => string;
  /** Awaits its end; its exit code, or the signal that ended it. */
  readonly ended: () => Promise<number | NodeJS.Signals>;
}

/** A hook-executor as a process of its own. */
export function startExecutor(env: NodeJS.ProcessEnv): Executor {
  const main = join(import.meta.dirname, "../../../services/hook-executor/main.js");
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: "/usr/bin:/bin",
      NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"],
      DOCKER_SOCKETS: "unix:///nowhere.sock",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return {
    process: child,
    output: () => output,
    ended: () => ended,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
