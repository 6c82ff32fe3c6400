// Standard streams for scripts. Node's own pipes are sockets, on which `echo … > /dev/stderr` and `jq . /dev/stdin`
// fail ("No such device or address"). So output goes through named pipes and input is a file; both are unlinked
// before the script starts. Where no temporary folder is writable, sockets are used all the same.
import type { ChildProcess, StdioOptions } from "node:child_process";
import { execFile } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";

export interface ScriptOutput {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

export interface Pipes {
  /** The child's descriptors 0, 1 and 2. */
  readonly stdio: Extract<StdioOptions, unknown[]>;
  /** Returns our ends, and closes the child's ends here. Call it once, whether or not the child could start. */
  readonly attach: (child: ChildProcess | undefined) => ScriptOutput | undefined;
}

/** `input` is the script's standard input; null for none. */
export async function openPipes(input: string | null): Promise<Pipes> {
  return (await realPipes(input).catch(() => undefined)) ?? socketPipes(input);
}

async function realPipes(input: string | null): Promise<Pipes> {
  const folder = await mkdtemp(join(tmpdir(), "ouroboros-hook-"));
  const [stdin, stdout, stderr] = ["stdin", "stdout", "stderr"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const opened: number[] = [];
  const open = (path: string, flags: number): number => {
    const fd = openSync(path, flags);
    opened.push(fd);
    return fd;
  };
  try {
    await promisify(execFile)("mkfifo", [stdout, stderr]);
    if (input !== null) await writeFile(stdin, input);
    // The reading end first: opening the writing end of a named pipe waits for a reader.
    const ours = [stdout, stderr].map((path) => open(path, constants.O_RDONLY | constants.O_NONBLOCK));
    const theirs = [
      open(input === null ? "/dev/null" : stdin, constants.O_RDONLY),
      ...[stdout, stderr].map((path) => open(path, constants.O_WRONLY)),
    ];
    return {
      stdio: theirs,
      attach: (child) => {
        theirs.forEach((fd) => closeSync(fd));
        const [out, err] = ours.map((fd) => new Socket({ fd, readable: true, writable: false }));
        if (child !== undefined && out !== undefined && err !== undefined)
          return { stdout: out, stderr: err };
        out?.destroy();
        err?.destroy();
        return undefined;
      },
    };
  } catch (error) {
    opened.forEach((fd) => closeSync(fd));
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function socketPipes(input: string | null): Pipes {
  return {
    stdio: [input === null ? "ignore" : "pipe", "pipe", "pipe"],
    attach: (child) => {
      if (child?.stdout == null || child.stderr == null) return undefined;
      child.stdin?.on("error", () => undefined); // a script need not read its input
      child.stdin?.end(input);
      return { stdout: child.stdout, stderr: child.stderr };
    },
  };
}
