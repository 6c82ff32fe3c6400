// Runs the scripts that have a process each: executables, and JavaScript modules through run-module.ts. python.ts
// runs Python scripts.
import { join } from "node:path";
import type { ScriptJob } from "./hook-tools.ts";
import { type ScriptProcess, startScript } from "./script-process.ts";
import type { Script } from "./scripts.ts";
import { type ScriptVerdict, judgeScript, readScriptVerdict } from "./script-verdicts.ts";

const RUN_MODULE = join(import.meta.dirname, "../hook-executor/run-module.js"); // also right from a bundle

/** The script gets the event on standard input and as variables; its exit code is the verdict. */
export async function runExecutable(script: Script, job: ScriptJob): Promise<ScriptVerdict> {
  const running = await start(script, job, [script.file]);
  return waitAndJudge(script, job, running);
}

/** The default function's return value is the verdict, unless the process fails. */
export async function runModule(script: Script, job: ScriptJob): Promise<ScriptVerdict> {
  const running = await start(script, job, [process.execPath, RUN_MODULE, script.file], "ipc");
  let message: unknown;
  running.child.on("message", (received) => (message = received));
  const verdict = await waitAndJudge(script, job, running);
  const returned = (message as { readonly returned?: unknown } | undefined)?.returned;
  return verdict.verdict === "proceed" && verdict.reason === undefined
    ? readScriptVerdict(script.name, returned, job.tools.settings.HOOK_FAILURE)
    : verdict;
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
    onLine: (stream, line) => tools.log.info({ stream, line }, "script output"),
    clock: tools.clock,
  });

async function waitAndJudge(
  { name }: Script,
  { tools, killSignal }: ScriptJob,
  running: ScriptProcess,
): Promise<ScriptVerdict> {
  const { HOOK_TIMEOUT: ms, HOOK_FAILURE: onFailure } = tools.settings;
  const end = await running.within({ ms, killSignal }, running.ended);
  return judgeScript(name, end, await running.takeStderr(), onFailure);
}
