// Other processes of a bench: each says `ready` when it is, and all end with the bench.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** Runs a file beside this one, once for each list of arguments; resolves when all are ready. */
export async function startChildProcesses(
  program: string,
  args: readonly (readonly string[])[],
): Promise<AsyncDisposable> {
  const children = args.map((list) => fork(join(import.meta.dirname, program), list));
  const ends = children.map((child) => once(child, "exit"));
  const end = async (): Promise<void> => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(ends);
  };
  try {
    await Promise.all(children.map(isReady));
    return { [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function isReady(child: ChildProcess): Promise<void> {
  const [first] = (await Promise.race([once(child, "message"), once(child, "exit")])) as [unknown];
  if (first !== "ready") throw new Error(`${child.spawnargs.join(" ")} did not start: ${String(first)}`);
}
