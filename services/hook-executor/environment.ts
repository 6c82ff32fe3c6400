// A script's environment variables: a fixed list, the names in HOOK_ENV, and the event's OUROBOROS_ variables. Never
// our own secrets.
import { type Setting, type Settings, settings } from "../../shared/settings/settings.ts";
import type { HookEvent } from "./hook-event.ts";

const PASSED_ON = [
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "HOSTNAME", "TMPDIR", "TZ"],
  ...["LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME"],
  ...["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG"],
  ...["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
];

const SECRETS: ReadonlySet<string> = new Set(
  Object.entries(settings)
    .filter(([, setting]) => "secret" in setting)
    .flatMap(([name]) => [name, `${name}_FILE`]),
);

/** Whether a secret is set, which scripts must not see. */
export const holdsSecrets = (all: Settings): boolean =>
  Object.entries<Setting>(settings).some(([name, { secret, byDefault = "" }]) => {
    const value = all[name as keyof Settings] as string | readonly string[];
    return secret === true && ![byDefault, ""].includes([value].flat().join(" "));
  });

/** Names in HOOK_ENV that are withheld because they are secrets. */
export const findWithheld = (requested: readonly string[]): readonly string[] =>
  requested.filter((name) => SECRETS.has(name));

/** `requested` is HOOK_ENV. */
export function selectEnvironment(
  env: NodeJS.ProcessEnv,
  requested: readonly string[],
): Record<string, string> {
  const names = [...PASSED_ON, ...requested.filter((name) => !SECRETS.has(name))];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

interface Subject {
  readonly id?: string;
  readonly image?: string;
}

/** The event as variables. Those that do not apply to the hook are absent. */
export function eventVariables({ hook, host, id, container, data }: HookEvent): Record<string, string> {
  const subject = (data["container"] ?? data["old_container"]) as Subject | undefined;
  const successor = data["new_container"] as Subject | undefined;
  const oldImage = (data["old_image"] ?? data["current_image"] ?? data["image"]) as Subject | undefined;
  const newImage = (data["new_image"] ?? data["latest_image"]) as Subject | undefined;
  const variables = {
    OUROBOROS_HOOK: hook,
    OUROBOROS_HOST: host,
    OUROBOROS_EVENT_ID: id,
    OUROBOROS_RUN: data.run,
    OUROBOROS_MODE: data.mode,
    OUROBOROS_REASON: data.reason,
    OUROBOROS_CONTAINER_NAME: container === "" ? undefined : container,
    OUROBOROS_CONTAINER_ID: subject?.id,
    OUROBOROS_NEW_CONTAINER_ID: successor?.id,
    OUROBOROS_IMAGE: subject?.image,
    OUROBOROS_OLD_IMAGE: oldImage?.id,
    OUROBOROS_NEW_IMAGE: newImage?.id,
  };
  return Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
