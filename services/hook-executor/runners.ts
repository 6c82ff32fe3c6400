// The runners whose scripts are a process each: executables, and JavaScript modules through run-module.ts. Python's
// is python.ts.
import { join } from "node:path";
import type { ScriptJob } from "./hook-tools.ts";
import { type ScriptProcess, startScript } from "./script-process.ts";
import type { Script } from "./scripts.ts";
import { type ScriptVerdict, judgeScript, readScriptVerdict } from "./script-verdicts.ts";

const RUN_MODULE = join(import.meta.dirname, "../hook-executor/run-module.js"); // from a bundle too

/** The event is its standard input and in its environment; its exit code is the verdict. */
export async function runExecutable(script: Script, job: ScriptJob): Promise<ScriptVerdict> {
  const running = await start(script, job, [script.file]);
  return waitAndJudge(script, job, running);
}

/** What its default function returns is the verdict, unless its process fails. */
export async function runModule(script: Script, job: ScriptJob): Promise<ScriptVerdict> {
  const running = await start(script, job, [process.execPath, RUN_MODULE, script.file], "ipc");
  let said: unknown;
  running.child.on("message", (message) => (said = message));
  const opinion = await waitAndJudge(script, job, running);
  const returned = (said as { readonly returned?: unknown } | undefined)?.returned;
  return opinion.verdict === "proceed" && opinion.reason === undefined
    ? readScriptVerdict(script.name, returned, job.tools.settings.HOOK_FAILURE)
    : opinion;
}

const start = (
  { folder }: Script,
  { event, env, tools }: ScriptJob,
  command: readonly string[],
  channel?: "ipc",
): Promise<ScriptProcess> =>
  startScript({
    command: [...tools.launcher, ...command],
    cwd: folder,
    env,
    input: event.text,
    ...(channel && { channel }),
    tell: (stream, line) => tools.log.info({ stream, line }, "script output"),
    clock: tools.clock,
  });

async function waitAndJudge(
  { name }: Script,
  { tools, cut }: ScriptJob,
  running: ScriptProcess,
): Promise<ScriptVerdict> {
  const { HOOK_TIMEOUT: ms, HOOK_FAILURE: onFailure } = tools.settings;
  const end = await running.within({ ms, cut }, running.ended);
  return judgeScript(name, end, await running.takeStderr(), onFailure);
}
