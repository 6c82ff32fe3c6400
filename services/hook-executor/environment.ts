// A script's environment variables: a fixed list, the names in HOOK_ENV, and the event's OUROBOROS_ variables. Never
// our own secrets.
import { type Setting, type Settings, settings } from "../../shared/settings/settings.ts";
import { type NoticeData, isHookName } from "../../shared/contract/hooks.ts";
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

/** The event as variables. Those that do not apply to it are absent. */
export function eventVariables(event: HookEvent): Record<string, string> {
  const { hook, host, id, container, data } = event;
  const variables: Readonly<Record<string, string | null | undefined>> = {
    OUROBOROS_HOOK: hook,
    OUROBOROS_HOST: host,
    OUROBOROS_EVENT_ID: id,
    OUROBOROS_RUN: data.run,
    OUROBOROS_MODE: data.mode,
    OUROBOROS_REASON: data.reason,
    OUROBOROS_CONTAINER_NAME: container === "" ? undefined : container,
    ...(isHookName(hook) ? hookVariables(data) : noticeVariables(data)),
  };
  // No variable can hold a NUL, which the reason of a participant may.
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      value === undefined || value === null ? [] : [[name, value.replaceAll("\0", "")]],
    ),
  );
}

function hookVariables(data: HookEvent["data"]) {
  const subject = (data["container"] ?? data["old_container"] ?? data["service"]) as Subject | undefined;
  const successor = data["new_container"] as Subject | undefined;
  const oldImage = (data["old_image"] ?? data["current_image"] ?? data["image"]) as Subject | undefined;
  const newImage = (data["new_image"] ?? data["latest_image"]) as Subject | undefined;
  return {
    OUROBOROS_CONTAINER_ID: subject?.id,
    OUROBOROS_NEW_CONTAINER_ID: successor?.id,
    OUROBOROS_IMAGE: subject?.image,
    OUROBOROS_OLD_IMAGE: oldImage?.id,
    OUROBOROS_NEW_IMAGE: newImage?.id,
  };
}

/** Of `run_finished` there are none: its results are a list. Of `tag_moved` there is the image. */
function noticeVariables(data: HookEvent["data"]) {
  const result = data as Partial<NoticeData<"update_finished">>;
  return {
    OUROBOROS_RESULT: result.end,
    OUROBOROS_BY: result.by,
    OUROBOROS_IMAGE: result.image,
    OUROBOROS_OLD_IMAGE: result.from,
    OUROBOROS_NEW_IMAGE: result.to,
    OUROBOROS_OLD_VERSION: result.from_version,
    OUROBOROS_NEW_VERSION: result.to_version,
    OUROBOROS_DOWNTIME_MS: result.downtime_ms?.toString(),
  };
}
