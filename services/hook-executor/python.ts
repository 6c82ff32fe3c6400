// Python scripts: one process for all of an event, because they share their locals; run-python.py is told file by
// file over descriptor 3 and answers there. It begins with the event's first Python script, and anew after one that
// ended it or ran out of time.
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { z } from "zod";
import { parseJson } from "../../shared/contract/messages.ts";
import type { ScriptJob, ScriptRunner } from "./hook-tools.ts";
import { type ScriptProcess, startScript } from "./script-process.ts";
import type { Script } from "./scripts.ts";
import { type ProcessEnd, type ScriptVerdict, judgeScript, readScriptVerdict } from "./script-verdicts.ts";

const RUN_PYTHON = join(import.meta.dirname, "../hook-executor/run-python.py"); // from a bundle too
/** For its threads and exit functions, once there is nothing more to run. */
const LEAVE_MS = 2000;

const Result = z.object({
  exit: z.number().describe("0 also where the script raised something: the update goes on."),
  raised: z.string().nullable().describe("The exception's last line."),
  verdict: z.unknown().describe("What it said with refuse() or defer()."),
});
type Result = z.infer<typeof Result>;

interface Python {
  readonly process: ScriptProcess;
  readonly channel: Duplex;
  /** Answers in the order of the files; ends with the process. */
  readonly results: AsyncIterator<string>;
  /** Whose output it is. */
  current: ScriptJob["tools"]["log"];
}

export interface PythonRunner extends AsyncDisposable {
  readonly run: ScriptRunner;
}

export function openPython({ cut }: ScriptJob): PythonRunner {
  let running: Python | undefined;
  return {
    run: async (script, job) => {
      running ??= await startPython(script, job);
      running.current = job.tools.log;
      const { opinion, over } = await runFile(running, script, job);
      if (over) running = undefined;
      return opinion;
    },
    [Symbol.asyncDispose]: async () => {
      if (running === undefined) return;
      const { channel, process } = running;
      channel.end();
      await process.within({ ms: LEAVE_MS, cut }, process.ended).catch(() => undefined); // ended in any case
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
    tell: (stream, line) => python.current[levelOf(line)]({ stream, line }, "script output"),
    clock: tools.clock,
  });
  const channel = process.child.stdio[3] as Duplex;
  channel.on("error", () => undefined); // its process has ended, which is told otherwise
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
  Object.entries(PYTHON_LEVELS).map(([level, called]) => [called, level as Level]),
);

/** Of what Python's logging wrote, in the format that run-python.py gives it, its own level. */
const levelOf = (line: string): Level =>
  LEVELS.get(/^[\d-]+ [\d:]+ : ([A-Z]+) : /.exec(line)?.[1] ?? "") ?? "info";

async function runFile(
  { process, channel, results }: Python,
  { name, file }: Script,
  { tools, cut }: ScriptJob,
): Promise<{ readonly opinion: ScriptVerdict; readonly over: boolean }> {
  const { HOOK_TIMEOUT: ms, HOOK_FAILURE: onFailure } = tools.settings;
  channel.write(`${JSON.stringify({ file })}\n`);
  const answer = results.next().then(
    ({ value }) => Result.safeParse(parseJson(String(value))).data,
    () => undefined, // the channel broke: its process has ended
  );
  const done = answer.then<Result | ProcessEnd>((result) => result ?? process.ended);
  const end = await process.within({ ms, cut }, Promise.race([done, process.ended]));
  const stderr = await process.takeStderr();
  if ("kind" in end) return { opinion: judgeScript(name, end, stderr, onFailure), over: true };
  return { opinion: opinionOf(name, end, stderr, onFailure), over: false };
}

function opinionOf(
  name: string,
  result: Result,
  stderr: string,
  onFailure: "refuse" | "proceed",
): ScriptVerdict {
  if (result.verdict !== null) return readScriptVerdict(name, result.verdict, onFailure);
  if (result.raised !== null) return { script: name, verdict: "proceed", reason: `raised ${result.raised}` };
  return judgeScript(name, { kind: "exit", code: result.exit } satisfies ProcessEnd, stderr, onFailure);
}
