// Processes of the demo: each line they print goes to who wants it, and they end with the demo.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Program {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** Resolves with what went wrong when it ends by itself. */
  readonly ended: Promise<string>;
}

const PATIENCE_MS = 3000;
const REMEMBERED_LINES = 20;

export function start({ name, command: [file, ...args], env, onLine }: Program): Running {
  const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on("line", (line) => {
      lines.splice(0, lines.length - REMEMBERED_LINES + 1);
      lines.push(line);
      onLine?.(line);
    });
  const exited = once(child, "exit") as Promise<[number | null, string | null]>;
  return {
    pid: child.pid ?? 0,
    ended: exited.then(([code, signal]) =>
      [`${name} ended with ${code ?? signal ?? ""}:`, ...lines].join("\n"),
    ),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
      await exited;
      clearTimeout(late);
    },
  };
}

/** Runs to the end. @throws with what it printed, unless it ends with 0. */
export async function run({ name, command: [file, ...args], env }: Program): Promise<void> {
  const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => void printed.push(chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${name} ended with ${String(code)}: ${printed.join("")}`);
}
