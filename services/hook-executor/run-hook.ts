// Handles one event: runs its scripts one after the other, all of them whatever the earlier ones answered, and
// combines their verdicts into one.
import { iso } from "../../shared/clock.ts";
import { isHookName } from "../../shared/contract/hooks.ts";
import { Suspended, explain } from "../../shared/errors.ts";
import type { Verdict } from "../../shared/contract/messages.ts";
import { eventVariables } from "./environment.ts";
import { isTooOld } from "./event-age.ts";
import type { HookEvent } from "./hook-event.ts";
import type { HookTools, ScriptJob, ScriptRunner } from "./hook-tools.ts";
import { runExecutable, runModule } from "./runners.ts";
import { openPython } from "./python.ts";
import { type Script, type ScriptKind, requireHooksFolder, findScripts, findHooksFolder } from "./scripts.ts";
import { type ScriptVerdict, combineVerdicts, failedVerdict } from "./script-verdicts.ts";

/** @throws Suspended where `killSignal` aborts before all scripts have run. */
export async function runHook(event: HookEvent, tools: HookTools, killSignal: AbortSignal): Promise<Verdict> {
  const job = makeJob(event, tools, killSignal);
  if (isLate(job))
    return { verdict: "defer", reason: "the hook-executor got the event more than an hour late" };
  const verdict = combineVerdicts(await runScripts(job));
  job.tools.log.debug(verdict, "hook answered"); // "script ran" has said it for each script
  return verdict;
}

/** What the scripts of a notice say decides nothing. @throws Suspended as `runHook` does. */
export async function runNoticeScripts(
  event: HookEvent,
  tools: HookTools,
  killSignal: AbortSignal,
): Promise<void> {
  const job = makeJob(event, tools, killSignal);
  if (!isLate(job)) await runScripts(job);
}

function makeJob(event: HookEvent, tools: HookTools, killSignal: AbortSignal): ScriptJob {
  const { run } = event.data;
  const log = tools.log.child({ run, hook: event.hook, container: event.container, event: event.id });
  return { event, tools: { ...tools, log }, env: { ...tools.env, ...eventVariables(event) }, killSignal };
}

function isLate({ event, tools: { log, clock } }: ScriptJob): boolean {
  if (!isTooOld(event, clock)) return false;
  log.warn({ published: iso(event.storedAt) }, "event too old, scripts not run");
  return true;
}

async function runScripts(job: ScriptJob): Promise<readonly ScriptVerdict[]> {
  const { settings, log } = job.tools;
  let scripts: readonly Script[];
  try {
    await requireHooksFolder(settings.HOOKS_DIR);
    scripts = await findScripts(await findHooksFolder(settings.HOOKS_DIR), job.event.hook);
  } catch (err) {
    log.error({ because: explain(err) }, "hooks folder cannot be read");
    return [failedVerdict("the hooks folder", explain(err), settings.HOOK_FAILURE)];
  }
  await using python = openPython(job);
  const runners = { python: python.run, module: runModule, executable: runExecutable };
  const verdicts: ScriptVerdict[] = [];
  for (const script of scripts) verdicts.push(await runScript(script, job, runners));
  return verdicts;
}

async function runScript(
  script: Script,
  job: ScriptJob,
  runners: Readonly<Record<ScriptKind, ScriptRunner>>,
): Promise<ScriptVerdict> {
  const { clock, log: hookLog, settings } = job.tools;
  const log = hookLog.child({ script: script.name });
  if (job.killSignal.aborted) throw new Suspended("a hook was cut short");
  if (script.fault !== undefined) {
    log.warn(script.fault, "script is not run");
    return failedVerdict(script.name, `${script.fault.because}; ${script.fault.mend}`, settings.HOOK_FAILURE);
  }
  const began = clock.monotonic();
  const logVerdict = ({ script: _, ...verdict }: ScriptVerdict): void => {
    const { reason } = verdict;
    // What a notice's script says decides nothing, so it is logged as what it is: a reason, or none.
    const said = isHookName(job.event.hook) ? verdict : { ...(reason !== undefined && { reason }) };
    const fields = { ...said, ms: Math.round(clock.monotonic() - began) };
    if (reason === undefined) log.info(fields, "script ran");
    else log.warn(fields, "script ran");
  };
  try {
    const verdict = await runners[script.kind](script, { ...job, tools: { ...job.tools, log } });
    logVerdict(verdict);
    return verdict;
  } catch (err) {
    if (err instanceof Suspended) throw err;
    log.error({ because: explain(err) }, "script could not be run");
    return failedVerdict(script.name, explain(err), settings.HOOK_FAILURE);
  }
}
