// What running scripts needs. For all events: the settings, the scripts' environment, and how to start a script. For
// one event: a job.
import type { Logger } from "pino";
import type { Clock } from "../../shared/clock.ts";
import type { ServiceContext } from "../../shared/runtime/run-service.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import { addEngineVariables } from "./engine-access.ts";
import { holdsSecrets, selectEnvironment, findWithheld } from "./environment.ts";
import type { HookEvent } from "./hook-event.ts";
import { makeLauncher } from "./launcher.ts";
import type { Script } from "./scripts.ts";
import type { ScriptVerdict } from "./script-verdicts.ts";

export interface HookTools {
  readonly settings: Pick<Settings, "HOOKS_DIR" | "HOOK_TIMEOUT" | "HOOK_FAILURE" | "LOG_LEVEL">;
  /** Every script's environment, without the variables of its event. */
  readonly env: Readonly<Record<string, string>>;
  /** The prefix of every script's command (launcher.ts). */
  readonly launcher: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
}

/** The input of a script runner. */
export interface ScriptJob {
  readonly event: HookEvent;
  readonly tools: HookTools;
  readonly env: Readonly<Record<string, string>>;
  /** Aborts when the service stops and the running script must end. */
  readonly killSignal: AbortSignal;
}
export type ScriptRunner = (script: Script, job: ScriptJob) => Promise<ScriptVerdict>;

const ISOLATION_ADVICE =
  "run it as root with the capability SETPCAP and with setpriv of util-linux, as compose.yaml does";

export async function prepareTools(
  host: string,
  { settings, log, clock }: Pick<ServiceContext, "settings" | "log" | "clock">,
  env: NodeJS.ProcessEnv,
): Promise<HookTools> {
  for (const name of findWithheld(settings.HOOK_ENV))
    log.warn({ variable: name }, "HOOK_ENV names a secret; scripts do not get it");
  const launcher = await makeLauncher();
  if (!launcher.diesWithUs) log.warn("setpriv is not there: scripts go on running if this process is killed");
  if (!launcher.isIsolated && holdsSecrets(settings))
    log.warn({ mend: ISOLATION_ADVICE }, "scripts can read the secrets of this process");
  return {
    settings,
    env: await addEngineVariables(selectEnvironment(env, settings.HOOK_ENV), host, { settings, log }),
    launcher: launcher.prefix,
    log,
    clock,
  };
}
