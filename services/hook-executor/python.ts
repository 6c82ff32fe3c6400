// Python scripts: one process runs all of an event's, because they share their locals. run-python.py gets one file
// after the other over descriptor 3 and answers there. The process starts with the event's first Python script, and
// again after a script that ended it or ran out of time.
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import * as z from "zod";
import { parseJson } from "../../shared/contract/messages.ts";
import type { ScriptJob, ScriptRunner } from "./hook-tools.ts";
import { type ScriptProcess, startScript } from "./script-process.ts";
import type { Script } from "./scripts.ts";
import { type ProcessEnd, type ScriptVerdict, judgeScript, readScriptVerdict } from "./script-verdicts.ts";

const RUN_PYTHON = join(import.meta.dirname, "../hook-executor/run-python.py"); // also right from a bundle
/** Time for its threads and exit functions after the last script. */
const EXIT_MS = 2000;

const Result = z.object({
  exit: z.number().describe("0 also where the script raised something: the update goes on."),
  raised: z.string().nullable().describe("The exception's last line."),
  verdict: z.unknown().describe("What it said with refuse() or defer()."),
});
type Result = z.infer<typeof Result>;

interface Python {
  readonly process: ScriptProcess;
  readonly channel: Duplex;
  /** One answer per file, in order; ends with the process. */
  readonly results: AsyncIterator<string>;
  /** The logger of the current script, for its output. */
  current: ScriptJob["tools"]["log"];
}

export interface PythonRunner extends AsyncDisposable {
  readonly run: ScriptRunner;
}

export function openPython({ killSignal }: ScriptJob): PythonRunner {
  let running: Python | undefined;
  return {
    run: async (script, job) => {
      running ??= await startPython(script, job);
      running.current = job.tools.log;
      const { verdict, hasEnded } = await runFile(running, script, job);
      if (hasEnded) running = undefined;
      return verdict;
    },
    [Symbol.asyncDispose]: async () => {
      if (running === undefined) return;
      const { channel, process } = running;
      channel.end();
      // Its group is ended even where `within` throws.
      await process.within({ ms: EXIT_MS, killSignal }, process.ended).catch(() => undefined);
    },
  };
}

async function startPython({ folder }: Script, { event, env, tools }: ScriptJob): Promise<Python> {
  const process = await startScript({
    command: [...tools.launcher, "python3", "-u", RUN_PYTHON, PYTHON_LEVELS[tools.settings.LOG_LEVEL]],
    cwd: folder,
    env,
    input: null,
    channel: "pipe",
    onLine: (stream, line) => python.current[levelOf(line)]({ stream, line }, "script output"),
    clock: tools.clock,
  });
  const channel = process.child.stdio[3] as Duplex;
  channel.on("error", () => undefined); // the process has ended, which `ended` reports
  channel.write(`${event.text.replaceAll("\n", " ")}\n`);
  const results = createInterface({ input: channel })[Symbol.asyncIterator]();
  const python: Python = { process, channel, results, current: tools.log };
  return python;
}

const PYTHON_LEVELS = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARNING",
  error: "ERROR",
  fatal: "CRITICAL",
} as const;
type Level = keyof typeof PYTHON_LEVELS;
const LEVELS = new Map<string, Level>(
  Object.entries(PYTHON_LEVELS).map(([level, pythonName]) => [pythonName, level as Level]),
);

/** The level of a line in the log format of run-python.py; info for any other line. */
const levelOf = (line: string): Level =>
  LEVELS.get(/^[\d-]+ [\d:]+ : ([A-Z]+) : /.exec(line)?.[1] ?? "") ?? "info";

async function runFile(
  { process, channel, results }: Python,
  { name, file }: Script,
  { tools, killSignal }: ScriptJob,
): Promise<{ readonly verdict: ScriptVerdict; readonly hasEnded: boolean }> {
  const { HOOK_TIMEOUT: ms, HOOK_FAILURE: onFailure } = tools.settings;
  channel.write(`${JSON.stringify({ file })}\n`);
  const answer = results.next().then(
    ({ value }) => Result.safeParse(parseJson(String(value))).data,
    () => undefined, // the channel broke because the process has ended
  );
  const done = answer.then<Result | ProcessEnd>((result) => result ?? process.ended);
  const end = await process.within({ ms, killSignal }, Promise.race([done, process.ended]));
  const stderr = await process.takeStderr();
  if ("kind" in end) return { verdict: judgeScript(name, end, stderr, onFailure), hasEnded: true };
  return { verdict: verdictOf(name, end, stderr, onFailure), hasEnded: false };
}

function verdictOf(
  name: string,
  result: Result,
  stderr: string,
  onFailure: "refuse" | "proceed",
): ScriptVerdict {
  if (result.verdict !== null) return readScriptVerdict(name, result.verdict, onFailure);
  if (result.raised !== null) return { script: name, verdict: "proceed", reason: `raised ${result.raised}` };
  return judgeScript(name, { kind: "exit", code: result.exit } satisfies ProcessEnd, stderr, onFailure);
}
