// The settings as given: by environment variable, by NAME_FILE, by flag, in this order; else the value by default.
import { findDefaultSocket } from "./default-socket.ts";
import { CannotStart } from "../errors.ts";
import { readEnvValue, unquote } from "./env-value.ts";
import { findUnsafeMisspellings } from "./misspelt-settings.ts";
import { type Setting, type SettingName, type Settings, settings } from "./settings.ts";
import { compatLabels, flag } from "./setting-values.ts";
import { type WatchtowerVariables, readWatchtowerSettings } from "./watchtower-settings.ts";

export type Flags = ReadonlyMap<string, string>;

const rows = Object.entries(settings) as [SettingName, Setting][];

/**
 * All settings. Every wrong value is told at once.
 * @throws CannotStart naming each variable, its value (masked if secret) and what is allowed.
 */
export function readSettings(env: NodeJS.ProcessEnv, flags: Flags): Settings {
  const watchtower = readWatchtowerVariables(env, flags);
  const wrong = [...watchtower.wrong, ...findMisspelt(env, flags)];
  const read: Record<string, unknown> = {};
  for (const [name, setting] of rows) {
    try {
      const given =
        readSettingText(env, flags, name) ?? watchtower.settings.get(name) ?? setting.byDefault ?? "";
      const result = setting.read.safeParse(unquote(given));
      if (!result.success)
        wrong.push(
          `${name}: ${setting.secret ? "(secret)" : JSON.stringify(given)}: ${result.error.issues.map(({ message }) => message).join(", ")}`,
        );
      else if (setting.notYet && isRequested(result.data))
        wrong.push(`${name} is not supported by this version yet; unset it to start`);
      else read[name] = result.data;
    } catch (error) {
      wrong.push(`${name}_FILE: ${(error as Error).message}`);
    }
  }
  if (wrong.length > 0) throw new CannotStart(`These settings cannot be used:\n  ${wrong.join("\n  ")}`);
  return applyDockerHost(read as Settings, env, flags);
}

/** A file that cannot be read is told with its own setting. */
function findMisspelt(env: NodeJS.ProcessEnv, flags: Flags): string[] {
  try {
    return findUnsafeMisspellings(env, (name) => readSettingText(env, flags, name));
  } catch {
    return [];
  }
}

const isRequested = (read: unknown): boolean =>
  Array.isArray(read) ? read.length > 0 : Boolean(read ?? false);

/** DOCKER_HOST stands in for DOCKER_SOCKETS, and turns TLS on as for Docker's own client. */
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

/** What watchtower's variables say; what they say wrong is told with the rest. */
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
  rows.flatMap((row) => (row[1].flags ?? []).map((one) => [one, row] as const)),
);
const isSwitch = ({ read }: Setting): boolean => read === flag;

/**
 * Command-line flags as setting → value. A switch takes no value but by `=`, lists take the words up to the next
 * flag; short ones may stand together (`-cu`, `-i60`), long ones be cut as long as they name one setting.
 * @throws CannotStart for a flag nobody knows.
 */
export function readFlags(args: readonly string[]): Flags {
  const given = new Map<string, string>();
  let taking: string | undefined;
  for (const { flag: one = "", word } of args.flatMap(splitArgument)) {
    const [name, setting] = byFlag.get(one) ?? [];
    if (name !== undefined && setting !== undefined) {
      const switched = isSwitch(setting) ? (setting.flagMeans ?? "true") : undefined;
      given.set(name, word ?? switched ?? "");
      taking = switched === undefined && word === undefined ? name : undefined;
    } else if (one === "" && taking !== undefined) {
      given.set(taking, `${given.get(taking) ?? ""} ${word ?? ""}`.trim());
    } else throw new CannotStart(`${one || word} is no option; \`ouroboros --help\` lists them`);
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

/** A long flag that was cut, in full where only one begins so. */
function completeFlag(cut: string): string {
  const meant = [...byFlag.keys()].filter((one) => one.startsWith(cut));
  return meant.length === 1 && meant[0] !== undefined ? meant[0] : cut;
}
