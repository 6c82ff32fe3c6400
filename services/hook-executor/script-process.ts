// One process of a script. It leads a process group of its own, so that it can be ended with all its children; its
// output is bounded, and it dies with this process.
//
// A child that starts a session of its own (setsid) leaves the group and is not reached.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Clock } from "../../shared/clock.ts";
import { Suspended } from "../../shared/errors.ts";
import { keepTail, splitLines } from "./output.ts";
import { type ScriptOutput, openPipes } from "./pipes.ts";
import type { ProcessEnd } from "./script-verdicts.ts";

/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 2000;
/** How long output may still come after the group is gone, from a process outside it that holds the pipe. */
const DRAIN_MS = 500;

interface StartOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Standard input; null for none. */
  readonly input: string | null;
  /** Descriptor 3: Node's message channel, or a socket. */
  readonly channel?: "ipc" | "pipe";
  readonly onLine: (stream: keyof ScriptOutput, line: string) => void;
  readonly clock: Clock;
}

type OutOfTime = Extract<ProcessEnd, { readonly kind: "out of time" }>;

export interface ScriptLimits {
  readonly ms: number;
  /** Aborts when the service stops and its grace period is over. */
  readonly killSignal: AbortSignal;
}

export interface ScriptProcess {
  readonly child: ChildProcess;
  /** How the process ended; resolves when its group is gone, too. */
  readonly ended: Promise<ProcessEnd>;
  /** The end of its stderr since the last call. */
  readonly takeStderr: () => Promise<string>;
  /**
   * Awaits `done`, and ends the group if that takes too long.
   * @throws Suspended where the service stops meanwhile.
   */
  readonly within: <T>(limits: ScriptLimits, done: Promise<T>) => Promise<T | OutOfTime>;
}

export async function startScript({
  command: words,
  onLine,
  clock,
  ...start
}: StartOptions): Promise<ScriptProcess> {
  const [command = "", ...args] = words;
  const pipes = await openPipes(start.input);
  let child: ChildProcess | undefined;
  let output: ScriptOutput | undefined;
  try {
    const stdio = [...pipes.stdio, ...(start.channel === undefined ? [] : [start.channel])];
    child = spawn(command, args, { cwd: start.cwd, env: start.env, detached: true, stdio });
  } finally {
    output = pipes.attach(child?.pid === undefined ? undefined : child);
  }
  const stderr = keepTail();
  output?.stderr.on("data", stderr.add);
  const ended = untilGone(child, output, onLine, clock);
  return {
    child,
    ended,
    takeStderr: async () => {
      await clock.sleep(1); // a turn of the event loop reads what is in the pipes
      const text = stderr.text();
      stderr.clear();
      return text;
    },
    within: (limits, done) => within({ child, ended, clock }, limits, done),
  };
}

/** Awaits the group's leader, then kills what it left behind. */
async function untilGone(
  child: ChildProcess,
  output: ScriptOutput | undefined,
  onLine: StartOptions["onLine"],
  clock: Clock,
): Promise<ProcessEnd> {
  const closed = output === undefined ? Promise.resolve() : followOutput(output, onLine);
  const end = await endOf(child);
  signalGroup(child, "SIGKILL");
  const drained = new AbortController();
  await Promise.race([closed, clock.sleep(DRAIN_MS, drained.signal)]);
  drained.abort();
  output?.stdout.destroy();
  output?.stderr.destroy();
  return end;
}

interface RunningScript extends Pick<ScriptProcess, "child" | "ended"> {
  readonly clock: Clock;
}

async function within<T>(
  running: RunningScript,
  limits: ScriptLimits,
  done: Promise<T>,
): Promise<T | OutOfTime> {
  const { clock } = running;
  const cancelTimer = new AbortController();
  const stop = AbortSignal.any([cancelTimer.signal, limits.killSignal]);
  const outOfTime: OutOfTime = { kind: "out of time", limitMs: limits.ms };
  try {
    const first = await Promise.race([done, clock.sleep(limits.ms, stop).then(() => outOfTime)]);
    if (first !== outOfTime) return first;
    await endGroup(running);
    if (limits.killSignal.aborted) throw new Suspended("a script was cut short");
    return outOfTime;
  } finally {
    cancelTimer.abort();
  }
}

/** Sends SIGTERM, later SIGKILL. Once the leader has ended, `untilGone` kills what is left of the group. */
async function endGroup({ child, ended, clock }: RunningScript): Promise<void> {
  const gone = new AbortController();
  void ended.then(() => gone.abort());
  signalGroup(child, "SIGTERM");
  await clock.sleep(GRACE_MS, gone.signal);
  if (!gone.signal.aborted) signalGroup(child, "SIGKILL");
  await ended;
}

async function endOf(child: ChildProcess): Promise<ProcessEnd> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return code === null ? { kind: "signal", signal: signal ?? "an unknown signal" } : { kind: "exit", code };
  } catch (error) {
    return { kind: "not started", because: (error as Error).message };
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // the group has no processes left
  }
}

/** Resolves when both streams have ended. */
async function followOutput(output: ScriptOutput, onLine: StartOptions["onLine"]): Promise<void> {
  await Promise.all(
    (["stdout", "stderr"] as const).map(async (name) => {
      const lines = splitLines((line) => onLine(name, line));
      output[name].on("data", lines.add);
      output[name].on("error", () => undefined); // the stream closes after an error
      await once(output[name], "close");
      lines.end();
    }),
  );
}
