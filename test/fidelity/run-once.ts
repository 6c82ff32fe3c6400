/** The product as its users run it: one process for one cycle, all services and a private NATS in it. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "../bed/bed.ts";
import { startProcess } from "../support/stack.ts";

const program = join(import.meta.dirname, "../../cli/main.js");

export interface RunOnceResult {
  readonly code: number | string;
  readonly log: string;
}

/** One cycle over these containers. */
export async function runOnce(
  engine: Engine,
  names: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunOnceResult> {
  const folder = await mkdtemp(join("/tmp", "fidelity-"));
  try {
    await using ouroboros = startProcess(program, {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      ...(process.env["NODE_V8_COVERAGE"] && { NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"] }),
      DOCKER_SOCKETS: `unix://${engine.socket}`,
      MONITOR: names.join(" "),
      RUN_ONCE: "true",
      DATA_DIR: folder,
      HOOK_EXECUTOR: "off",
      SWAPS: "8",
      SETTLE_TIME: "200ms",
      LOG_LEVEL: "debug",
      ...env,
    });
    return { code: await ouroboros.exited, log: ouroboros.log() };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
