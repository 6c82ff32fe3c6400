/**
 * A bed for as long as a program needs it: `npm test` and the demo run in one. It takes the first free bed of this
 * machine, so that several run at once, and brings it down whatever happens: at the end, on an error, on SIGINT,
 * SIGTERM and SIGHUP. What a SIGKILLed run left is swept by the next one: a bed is claimed by a file lock, which
 * the kernel releases when its owner dies, so a bed that is there and can be claimed has no owner.
 */
import { type ChildProcess, execFile, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface BedOptions {
  /** An Engine's version for each host: 20.10, 26.1, 28.5 or podman; the first is h1. */
  readonly hosts: readonly string[];
  /** What else the bed is made of. */
  readonly parts?: readonly ("podman" | "base-image" | "chromium" | "uml")[];
}

export interface RunningBed {
  readonly folder: string;
  /** The first three numbers of its addresses. */
  readonly net: string;
  /** Aborted by the first signal that asks this process to end; its reason is an `Interrupted`. */
  readonly signal: AbortSignal;
  /** Runs a verb of bed.sh and gives what it printed. */
  command(...args: readonly string[]): Promise<string>;
  /** Runs a program inside the bed, in a process group of its own that ends with this process, and gives its exit code. */
  run(program: readonly string[], env?: Readonly<Record<string, string>>): Promise<number>;
}

/** This process was asked to end. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals;
  constructor(signal: NodeJS.Signals) {
    super(`Ended by ${signal}.`);
    this.signal = signal;
  }
}

const script = process.env["BED_SH"] ?? fileURLToPath(new URL("../../../test/bed/bed.sh", import.meta.url));
const locks = "/run/ouroboros-bed";
const numbers = Array.from({ length: 30 }, (_, i) => i + 1);
const folderOf = (number: number) => `/tmp/ouroboros-bed-${number}`;
const patience = 5000;

/** Throws an `Interrupted` once the bed is down if a signal came in between. */
export async function withBed<T>(options: BedOptions, work: (bed: RunningBed) => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0)
    throw new Error("This needs root: it makes network namespaces and runs Docker Engines in them.");
  const interrupt = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => interrupt.abort(new Interrupted(signal));
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    await using claim = await claimBed();
    return await inBed(claim.number, options, interrupt.signal, work);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}

async function inBed<T>(
  number: number,
  { hosts, parts = [] }: BedOptions,
  signal: AbortSignal,
  work: (bed: RunningBed) => Promise<T>,
): Promise<T> {
  const env = environment(number);
  const inherit = { env, stdio: ["ignore", "inherit", "inherit"] as const };
  // Not ended by a signal, so that no package is left half installed.
  await succeed(
    spawn("bash", [script, "install", ...parts], { ...inherit, stdio: [...inherit.stdio] }),
    "install",
  );
  try {
    signal.throwIfAborted();
    await succeed(group(["bash", script, "up", ...hosts], { env, signal }), "up");
    const result = await work({
      folder: folderOf(number),
      net: env.BED_NET,
      signal,
      command: async (...args) => (await bedScript(env, args)).trim(),
      run: (program, more) =>
        exitCode(group(["bash", script, "exec", ...program], { env: { ...env, ...more }, signal })),
    });
    signal.throwIfAborted();
    return result;
  } finally {
    await bedScript(env, ["down"]);
  }
}

function environment(number: number) {
  return {
    ...process.env,
    BED: folderOf(number),
    BED_NET: `10.77.${number}`,
    BED_DIST: fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, ""),
  };
}

/** In a session of its own: a second Ctrl-C does not stop the bed from going down. */
async function bedScript(env: NodeJS.ProcessEnv, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)("setsid", ["bash", script, ...args], { env, maxBuffer: 64 << 20 }))
    .stdout;
}

interface Claim extends AsyncDisposable {
  readonly number: number;
}

/** Takes the first free bed, and on the way brings down each that has lost its owner. */
async function claimBed(): Promise<Claim> {
  await mkdir(locks, { recursive: true });
  let mine: Claim | undefined;
  for (const number of numbers) {
    const stale = existsSync(folderOf(number)) || existsSync(`/run/netns/ouroboros-bed-${number}-lab`);
    if (mine !== undefined && !stale) continue;
    const claim = await tryToClaim(number);
    if (claim !== undefined && stale) await bedScript(environment(number), ["down"]);
    if (mine === undefined) mine = claim;
    else await claim?.[Symbol.asyncDispose]();
  }
  if (mine === undefined)
    throw new Error(`All ${numbers.length} beds of this machine are in use (see ${locks}).`);
  return mine;
}

/** The lock is held by a `cat` that ends when its input does: with us. What we write comes back once it has the lock. */
async function tryToClaim(number: number): Promise<Claim | undefined> {
  const holder = spawn("flock", ["--nonblock", "--no-fork", `${locks}/${number}`, "cat"], { detached: true });
  const ended = once(holder, "exit");
  holder.stdin.on("error", () => undefined);
  holder.stdin.write("mine\n");
  const held = await Promise.race([once(holder.stdout, "data").then(() => true), ended.then(() => false)]);
  if (!held) return undefined;
  return {
    number,
    [Symbol.asyncDispose]: async () => {
      holder.stdin.end();
      await ended;
    },
  };
}

interface GroupOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** A process group that is asked to end when we are, killed if it does not, and killed with us if we are killed. */
function group(command: readonly string[], { env, signal }: GroupOptions): ChildProcess {
  const stdio: StdioOptions = ["ignore", "inherit", "inherit"];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], { env, stdio, detached: true });
  const end = () => {
    signalGroup(child, "SIGTERM");
    const impatience = setTimeout(() => signalGroup(child, "SIGKILL"), patience);
    child.once("exit", () => clearTimeout(impatience));
  };
  signal.addEventListener("abort", end, { once: true });
  child.once("exit", () => signal.removeEventListener("abort", end));
  if (signal.aborted) end();
  return child;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function exitCode(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
async function succeed(child: ChildProcess, verb: string): Promise<void> {
  const code = await exitCode(child);
  if (code !== 0) throw new Error(`The test bed is not there: bed.sh ${verb} ended with ${code}.`);
}
