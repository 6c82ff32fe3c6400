// What the demo runs: a NATS server, the three services as three processes, hook scripts in a folder, and a remote
// participant that is added as an operator adds one.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, startNats } from "../../test/bed/bed.ts";
import type { Tell } from "./happenings.ts";
import { type Running, run, start } from "./processes.ts";

export interface Stage extends AsyncDisposable {
  readonly natsUrl: string;
  /** Rejects when one of its processes ends by itself. */
  readonly broken: Promise<never>;
}

const ROOT = join(import.meta.dirname, "../../..");
const PARTICIPANT = "change-board";
const services = {
  poller: "finds new images in the registry",
  updater: "replaces containers",
  "hook-executor": "runs hook scripts (shell, Python, JavaScript) and answers as exec_h1",
};

/** `onLog` gets what the hook-executor logs, line by line. */
export async function buildStage(engine: Engine, tell: Tell, onLog: (line: string) => void): Promise<Stage> {
  const server = await startNats({ version: "2.10" });
  const folder = await mkdtemp(join(tmpdir(), "demo-"));
  const running: Running[] = [];
  const stage = {
    natsUrl: server.url,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(running.map((one) => one[Symbol.asyncDispose]()));
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await cp(join(ROOT, "examples/demo/hooks"), join(folder, "hooks"), { recursive: true });
    const env = environment(engine, folder, server.url);
    // It gets no Docker socket: its scripts need no more than their event.
    const executor = {
      env: { ...env, DOCKER_SOCKETS: `unix://${join(folder, "none.sock")}` },
      onLine: onLog,
    };
    const begin = (name: string, command: readonly [string, ...string[]], says: string): void => {
      const process = start({ name, command, env, ...(name === "hook-executor" && executor) });
      running.push(process);
      tell({ event: "process", name, pid: process.pid, says });
    };
    for (const [name, says] of Object.entries(services)) begin(name, node(`services/${name}/main.js`), says);
    await addParticipant(env);
    begin(PARTICIPANT, participant(server.url), "a remote participant: plain Python on a socket");
    const broken = brokenBy(running);
    broken.catch(() => undefined); // it may come before anyone waits for it
    return { ...stage, broken };
  } catch (error) {
    await stage[Symbol.asyncDispose]();
    throw error;
  }
}

const environment = (engine: Engine, folder: string, natsUrl: string): Readonly<Record<string, string>> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: folder,
  NATS_URL: natsUrl,
  DOCKER_SOCKETS: `unix://${engine.socket}`,
  OUROBOROS_HOST: engine.name,
  DATA_DIR: join(folder, "data"),
  HOOKS_DIR: join(folder, "hooks"),
  CLEANUP: "true",
  SETTLE_TIME: "1s",
});

const node = (program: string): readonly [string, ...string[]] => [
  process.execPath,
  join(ROOT, "dist", program),
];

const addParticipant = (env: Readonly<Record<string, string>>): Promise<void> => {
  const [file, ...program] = node("cli/main.js");
  const hooks = ["--hooks", "updates_enumerated,before_update"];
  const command = [file, ...program, "participant", "add", PARTICIPANT, ...hooks] as const;
  return run({ name: `ouroboros participant add ${PARTICIPANT}`, command, env });
};

const participant = (natsUrl: string): readonly [string, ...string[]] => [
  "python3",
  join(ROOT, "examples/participants/participant.py"),
  ...["--server", natsUrl, "--name", PARTICIPANT, "--command", join(ROOT, "examples/demo/change-board.py")],
];

async function brokenBy(running: readonly Running[]): Promise<never> {
  throw new Error(await Promise.race(running.map(({ ended }) => ended)));
}
