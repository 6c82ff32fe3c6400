// The table of watchtower's own variables, which count where COMPAT_LABELS names watchtower. A test compares
// docs/migrating-from-watchtower.md with it. https://containrrr.dev/watchtower/arguments/. Pure but for values in
// files.
import { readEnvValue, unquote } from "./env-value.ts";
import type { SettingName } from "./settings.ts";
import { readWatchtowerSchedule } from "./watchtower-schedule.ts";

/** Values of Ouroboros' settings, as text. */
type OwnSettings = Partial<Record<SettingName, string>>;

interface WatchtowerSetting {
  /**
   * Converts a value to our settings; undefined for a value that cannot be parsed. Missing where we have no such
   * setting.
   */
  readonly as?: (value: string) => OwnSettings | undefined;
  /** It keeps containers from being updated: without it other or more containers would be updated. */
  readonly narrows?: true;
  /** The text in docs/migrating-from-watchtower.md and in messages. */
  readonly says: string;
}

/** Booleans as Go parses them, and also `yes` and `no`. */
const yesOrNo = (value: string): boolean | undefined => {
  if (/^(?:1|t|true|yes)$/i.test(value)) return true;
  return /^(?:0|f|false|no)$/i.test(value) ? false : undefined;
};

const flagAs =
  (...names: readonly SettingName[]) =>
  (value: string): OwnSettings | undefined => {
    const isOn = yesOrNo(value);
    return isOn === undefined ? undefined : Object.fromEntries(names.map((name) => [name, String(isOn)]));
  };

const levelAs = (value: string): OwnSettings | undefined => {
  const level = new Map([
    ...["debug", "info", "warn", "error"].map((level) => [level, level] as const),
    ...([
      ["trace", "debug"],
      ["warning", "warn"],
      ["fatal", "critical"],
      ["panic", "critical"],
    ] as const),
  ]).get(value.toLowerCase());
  return level === undefined ? undefined : { LOG_LEVEL: level };
};
const debugAs = (value: string): OwnSettings | undefined => {
  const isOn = yesOrNo(value);
  return isOn === undefined ? undefined : isOn ? { LOG_LEVEL: "debug" } : {};
};
const formatAs = (value: string): OwnSettings | undefined => {
  if (/^json$/i.test(value)) return { LOG_FORMAT: "json" };
  return /^(?:pretty|logfmt)$/i.test(value)
    ? { LOG_FORMAT: "pretty" }
    : /^auto$/i.test(value)
      ? {}
      : undefined;
};
const nothing = (): OwnSettings => ({});

export const watchtowerSettings: Readonly<Record<string, WatchtowerSetting>> = {
  MONITOR_ONLY: { narrows: true, as: flagAs("MONITOR_ONLY"), says: "`MONITOR_ONLY`" },
  LABEL_ENABLE: {
    narrows: true,
    as: flagAs("LABEL_ENABLE", "LABELS_ONLY"),
    says: "`LABEL_ENABLE` and `LABELS_ONLY`",
  },
  DISABLE_CONTAINERS: {
    narrows: true,
    as: (value) => ({ IGNORE: value.replaceAll(",", " ") }),
    says: "`IGNORE`",
  },
  SCOPE: { narrows: true, says: "none: name the containers in `MONITOR`, or label them with `LABEL_ENABLE`" },
  NO_PULL: {
    narrows: true,
    says: "none: the registry says what is newer; `MONITOR_ONLY` touches nothing",
  },
  NO_RESTART: { narrows: true, says: "none: `MONITOR_ONLY` touches nothing" },
  HTTP_API_UPDATE: {
    narrows: true,
    says: "none: `MONITOR_ONLY`, and `ouroboros update` when an update is wanted",
  },
  POLL_INTERVAL: {
    as: (value) => (/^\d+$/.test(value) ? { INTERVAL: value } : undefined),
    says: "`INTERVAL` (300 s by default, not a day)",
  },
  SCHEDULE: {
    as: readWatchtowerSchedule,
    says: "`CRON`, without the field of the seconds; `@every` is `INTERVAL`",
  },
  RUN_ONCE: { as: flagAs("RUN_ONCE"), says: "`RUN_ONCE`" },
  CLEANUP: { as: flagAs("CLEANUP"), says: "`CLEANUP`" },
  LOG_LEVEL: { as: levelAs, says: "`LOG_LEVEL`" },
  DEBUG: { as: debugAs, says: "`LOG_LEVEL`: `debug`" },
  TRACE: { as: debugAs, says: "`LOG_LEVEL`: `debug`" },
  LOG_FORMAT: { as: formatAs, says: "`LOG_FORMAT`" },
  NO_STARTUP_MESSAGE: { as: flagAs("SKIP_STARTUP_NOTIFICATIONS"), says: "`SKIP_STARTUP_NOTIFICATIONS`" },
  LIFECYCLE_HOOKS: {
    as: nothing,
    says: "none: the labels count where COMPAT_LABELS names watchtower",
  },
  NOTIFICATIONS: { says: "none: each URL in `NOTIFIERS` names its service" },
  NOTIFICATION_URL: { says: "`NOTIFIERS`, in Apprise's spelling, which is often another one" },
  ROLLING_RESTART: { as: nothing, says: "`SWAPS`, 1 by default" },
  REMOVE_VOLUMES: { says: "none: an update never removes a volume of the container" },
  TIMEOUT: { says: "none: each container's own stop timeout counts" },
  INCLUDE_STOPPED: { says: "none: what does not run is left alone" },
  REVIVE_STOPPED: { says: "none: what does not run is left alone" },
  INCLUDE_RESTARTING: { says: "none: a container in a crash loop is always updated" },
  LABEL_TAKE_PRECEDENCE: { says: "none: `MONITOR_ONLY` is for all containers" },
};

const PREFIX = "WATCHTOWER_";

export interface WatchtowerVariables {
  /** Our settings, by watchtower's variables. */
  readonly settings: ReadonlyMap<string, string>;
  /** Errors for which the program must not start. */
  readonly wrong: readonly string[];
  /** Variables that are not read, each as a sentence. */
  readonly ignored: readonly string[];
}

type SettingLookup = (name: SettingName) => string | undefined;

/**
 * `isUnderstood` is whether COMPAT_LABELS names watchtower. `given` looks up our own settings, which take precedence.
 * @throws where the file of a NAME_FILE cannot be read.
 */
export function readWatchtowerSettings(
  env: NodeJS.ProcessEnv,
  isUnderstood: boolean,
  given: SettingLookup,
): WatchtowerVariables {
  const settings = new Map<string, string>();
  const [wrong, ignored]: [string[], string[]] = [[], []];
  for (const name of namesIn(env)) {
    const value = unquote(readEnvValue(env, name) ?? "");
    if (value === "") continue;
    const row = watchtowerSettings[name.slice(PREFIX.length)];
    const own = row?.as?.(value);
    if (row === undefined) ignored.push(`${name} is not read: there is nothing like it here`);
    else if (isUnderstood && own !== undefined) {
      const overridden = Object.keys(own).filter((setting) => given(setting as SettingName) !== undefined);
      if (overridden.length > 0) ignored.push(`${name} is not read: ${overridden.join(" and ")} is set`);
      else for (const [setting, text] of Object.entries(own)) settings.set(setting, text);
    } else if (isUnderstood && row.as !== undefined)
      wrong.push(`${name}: ${JSON.stringify(value)} cannot be understood; here it is ${row.says}`);
    else if (isHarmless(row, value, given)) ignored.push(`${name} is not read; ${remedy(row)}`);
    else
      wrong.push(
        `${name} keeps containers from being updated, and it is not read; ${remedy(row)}, and unset it to start`,
      );
  }
  return { settings, wrong, ignored };
}

const namesIn = (env: NodeJS.ProcessEnv): string[] =>
  [
    ...new Set(
      Object.keys(env)
        .filter((name) => name.startsWith(PREFIX))
        .map((name) => name.replace(/_FILE$/, "")),
    ),
  ].sort();

function remedy({ as, says }: WatchtowerSetting): string {
  const [, none] = /^none: (.*)$/.exec(says) ?? [];
  if (none !== undefined) return none;
  return as === undefined ? `use ${says}` : `set COMPAT_LABELS=watchtower to have it read, or use ${says}`;
}

/**
 * Ignoring it updates nothing that watchtower would leave alone, or one of our own settings states what is wanted.
 */
function isHarmless({ narrows, as }: WatchtowerSetting, value: string, given: SettingLookup): boolean {
  if (narrows === undefined || yesOrNo(value) === false) return true;
  const own = Object.keys(as?.(value) ?? {});
  return (
    own.some((name) => given(name as SettingName) !== undefined) ||
    yesOrNo(given("MONITOR_ONLY") ?? "") === true
  );
}
