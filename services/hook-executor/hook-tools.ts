// What running scripts needs: for all events the settings, the environment for scripts and how to start them; for one
// event a job.
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
  /** The environment of every script, without what its event adds. */
  readonly env: Readonly<Record<string, string>>;
  /** Words before a command that let it die with us. */
  readonly launcher: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
}

/** What a script's runner is given. */
export interface ScriptJob {
  readonly event: HookEvent;
  readonly tools: HookTools;
  readonly env: Readonly<Record<string, string>>;
  /** Ends the script in hand: the service stops. */
  readonly cut: AbortSignal;
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
    launcher: launcher.words,
    log,
    clock,
  };
}
