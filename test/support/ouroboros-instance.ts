// The program with all services in it, for one cycle on host 1: as cron or a person starts it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineSocket } from "../bed/bed.ts";
import { type Process, startProcess } from "./stack.ts";

const program = join(import.meta.dirname, "../../cli/main.js");

export interface OuroborosInstance extends AsyncDisposable {
  readonly dataDir: string;
  /** RUN_ONCE unless `env` says otherwise. */
  readonly start: (env?: Readonly<Record<string, string>>) => Process;
}

/** With a DATA_DIR, and so a private NATS, of its own; started by the program `through` where there is one. */
export async function createInstance(
  common: Readonly<Record<string, string>> = {},
  through: readonly string[] = [],
): Promise<OuroborosInstance> {
  const dataDir = await mkdtemp(join(tmpdir(), "instance-"));
  const started: Process[] = [];
  return {
    dataDir,
    start: (env = {}) => {
      const own = {
        PATH: process.env["PATH"] ?? "",
        HOME: dataDir,
        ...(process.env["NODE_V8_COVERAGE"] && { NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"] }),
        ...(process.env["NODE_EXTRA_CA_CERTS"] && {
          NODE_EXTRA_CA_CERTS: process.env["NODE_EXTRA_CA_CERTS"],
        }),
        DATA_DIR: dataDir,
        DOCKER_SOCKETS: `unix://${engineSocket(1)}`,
        OUROBOROS_HOST: "h1",
        HOOK_EXECUTOR: "off",
        SETTLE_TIME: "300ms",
        CHECK_NEW: "off", // a plan comes when the test asks for one
        JITTER: "0",
        RUN_ONCE: "true",
        ...common,
        ...env,
      };
      const one = startProcess(program, own, [], through);
      started.push(one);
      return one;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map((one) => one[Symbol.asyncDispose]()));
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The last line of its log. */
export function lastLine(one: Process): Readonly<Record<string, unknown>> {
  const lines = one.log().trim().split("\n");
  return JSON.parse(lines.at(-1) ?? "{}") as Readonly<Record<string, unknown>>;
}
