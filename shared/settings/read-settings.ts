// Reads the settings. An environment variable beats NAME_FILE, which beats a command-line flag, which beats the
// default.
import { findDefaultSocket } from "./default-socket.ts";
import { CannotStart } from "../errors.ts";
import { messageOf } from "../catalogue/entry.ts";
import { settingErrors } from "../catalogue/start-errors.ts";
import { readEnvValue, unquote } from "./env-value.ts";
import { findUnsafeMisspellings } from "./misspelt-settings.ts";
import { type Setting, type SettingName, type Settings, settings } from "./settings.ts";
import { compatLabels, flag, swarm } from "./setting-values.ts";
import { type WatchtowerVariables, readWatchtowerSettings } from "./watchtower-settings.ts";

export type Flags = ReadonlyMap<string, string>;

const rows = Object.entries(settings) as [SettingName, Setting][];

/**
 * Reads all settings, and reports every wrong value at once.
 * @throws CannotStart naming each variable, its value (masked if secret) and what is allowed.
 */
export function readSettings(env: NodeJS.ProcessEnv, flags: Flags): Settings {
  const watchtower = readWatchtowerVariables(env, flags);
  const wrong = [...watchtower.wrong, ...findMisspelt(env, flags)];
  const textOf = (name: SettingName): string | undefined =>
    readSettingText(env, flags, name) ?? watchtower.settings.get(name);
  const read = readRows(rows, textOf, wrong) as Settings;
  return applyDockerHost(read, env, flags);
}

/** Reads these settings alone from the environment: a wrong value of another one does no harm. @throws CannotStart */
export const readSomeSettings = <N extends SettingName>(
  env: NodeJS.ProcessEnv,
  names: readonly N[],
): Pick<Settings, N> =>
  readRows(
    names.map((name) => [name, settings[name]] as const),
    (name) => readSettingText(env, new Map(), name),
    [],
  ) as Pick<Settings, N>;

/** `wrong` is what is known to be wrong already. */
function readRows(
  wanted: readonly (readonly [SettingName, Setting])[],
  textOf: (name: SettingName) => string | undefined,
  wrong: string[],
): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const [name, setting] of wanted) {
    try {
      const given = textOf(name) ?? setting.byDefault ?? "";
      const result = setting.read.safeParse(unquote(given));
      if (!result.success)
        wrong.push(
          `${name}: ${setting.secret ? "(secret)" : JSON.stringify(given)}: ${result.error.issues.map(({ message }) => message).join(", ")}`,
        );
      else read[name] = result.data;
    } catch (error) {
      wrong.push(`${name}_FILE: ${(error as Error).message}`);
    }
  }
  if (wrong.length > 0)
    throw new CannotStart(messageOf(settingErrors.settingsUnusable, { list: wrong.join("\n  ") }));
  return read;
}

/** Ignores a NAME_FILE that cannot be read: the error is reported with the setting itself. */
function findMisspelt(env: NodeJS.ProcessEnv, flags: Flags): string[] {
  try {
    return findUnsafeMisspellings(env, (name) => readSettingText(env, flags, name));
  } catch {
    return [];
  }
}

/**
 * DOCKER_HOST replaces a missing DOCKER_SOCKETS, and DOCKER_TLS_VERIFY then turns TLS on as for Docker's own client.
 */
function applyDockerHost(read: Settings, env: NodeJS.ProcessEnv, flags: Flags): Settings {
  if (readSettingText(env, flags, "DOCKER_SOCKETS") !== undefined) return read;
  if (read.DOCKER_HOST === undefined) return { ...read, DOCKER_SOCKETS: [findDefaultSocket(env)] };
  const asksForTls = readSettingText(env, flags, "DOCKER_TLS_VERIFY") !== undefined && read.DOCKER_TLS_VERIFY;
  return {
    ...read,
    DOCKER_SOCKETS: [read.DOCKER_HOST],
    DOCKER_TLS: read.DOCKER_TLS || asksForTls,
  };
}

/** The settings in watchtower's variables, with their errors, so that these are reported along with all others. */
export function readWatchtowerVariables(env: NodeJS.ProcessEnv, flags: Flags): WatchtowerVariables {
  try {
    const compat = compatLabels.safeParse(unquote(readSettingText(env, flags, "COMPAT_LABELS") ?? ""));
    const isUnderstood = compat.success && compat.data.includes("watchtower");
    return readWatchtowerSettings(env, isUnderstood, (name) => readSettingText(env, flags, name));
  } catch (error) {
    return { settings: new Map(), wrong: [(error as Error).message], ignored: [] };
  }
}

/** @throws where the file cannot be read. */
export function readSettingText(env: NodeJS.ProcessEnv, flags: Flags, name: SettingName): string | undefined {
  const { lowerCaseToo }: Setting = settings[name];
  return (
    readEnvValue(env, name) ??
    (lowerCaseToo === true ? readEnvValue(env, name.toLowerCase()) : undefined) ??
    flags.get(name)
  );
}

const byFlag: ReadonlyMap<string, readonly [string, Setting]> = new Map(
  rows.flatMap((row) => (row[1].flags ?? []).map((name) => [name, row] as const)),
);
/** Also a switch that knows a third value. */
const isSwitch = ({ read }: Setting): boolean => read === flag || read === swarm;

/**
 * Parses command-line flags into setting → value. A switch takes a value only with `=`; a list takes the words up to
 * the next flag. Short flags may be combined (`-cu`, `-i60`); long flags may be abbreviated while they name one
 * setting.
 * @throws CannotStart for an unknown flag.
 */
export function readFlags(args: readonly string[]): Flags {
  const given = new Map<string, string>();
  let openSetting: string | undefined; // still takes words
  for (const { flag: flagName = "", word } of args.flatMap(splitArgument)) {
    const [name, setting] = byFlag.get(flagName) ?? [];
    if (name !== undefined && setting !== undefined) {
      const switchValue = isSwitch(setting) ? (setting.flagMeans ?? "true") : undefined;
      given.set(name, word ?? switchValue ?? "");
      openSetting = switchValue === undefined && word === undefined ? name : undefined;
    } else if (flagName === "" && openSetting !== undefined) {
      given.set(openSetting, `${given.get(openSetting) ?? ""} ${word ?? ""}`.trim());
    } else
      throw new CannotStart(
        flagName === ""
          ? messageOf(settingErrors.unknownWord, { word: word ?? "" })
          : messageOf(settingErrors.unknownOption, { option: flagName }),
      );
  }
  return given;
}

/** A flag, a word, or a flag with its word. */
interface ArgumentPart {
  readonly flag?: string;
  readonly word?: string;
}

function splitArgument(arg: string): ArgumentPart[] {
  if (byFlag.has(arg)) return [{ flag: arg }];
  const [, long = "", word] = /^(--[^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
  if (long !== "") return [{ flag: completeFlag(long), ...(word !== undefined && { word }) }];
  if (!/^-\D/.test(arg)) return [{ word: arg }];
  const short = arg.slice(0, 2);
  const [, setting] = byFlag.get(short) ?? [];
  if (setting === undefined) return [{ flag: arg }];
  return isSwitch(setting)
    ? [{ flag: short }, ...splitArgument(`-${arg.slice(2)}`)]
    : [{ flag: short, word: arg.slice(2).replace(/^=/, "") }];
}

/** Expands an abbreviated long flag, if only one flag starts with it. */
function completeFlag(prefix: string): string {
  const matches = [...byFlag.keys()].filter((name) => name.startsWith(prefix));
  return matches.length === 1 && matches[0] !== undefined ? matches[0] : prefix;
}
