/**
 * Where unit tests run: in a process that Node's permission model keeps from starting programs and from writing anywhere
 * but in the temporary folder. So a test that needs more says so, or fails.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where tests run; a bed is one too. */
export interface Place {
  /** Aborted where they were asked to end. */
  readonly signal?: AbortSignal;
  /** Runs `node …` and gives its exit code. */
  run(program: readonly string[], env?: Readonly<Record<string, string>>): Promise<number>;
}

const permission = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";
const temporary = new Set([tmpdir(), realpathSync(tmpdir())]);
const flags = [
  ...[permission, "--disable-warning=ExperimentalWarning", "--allow-fs-read=*"],
  ...[...temporary].map((folder) => `--allow-fs-write=${join(folder, "*")}`),
];

export const withoutBed: Place = { run: ([, ...program], env) => run([...flags, ...program], env) };

/** Runs a program of Node's and gives its exit code. */
export async function run(
  program: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = spawn(process.execPath, program, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, BED: undefined, ...env },
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
