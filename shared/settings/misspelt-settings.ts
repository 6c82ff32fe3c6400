// Finds environment variables that look like a misspelt setting. Variables that systems, compose, orchestrators and
// other programs set by themselves never count as misspelt. Pure.
import { unquote } from "./env-value.ts";
import { editDistance } from "./did-you-mean.ts";
import { type Setting, type SettingName, settings } from "./settings.ts";

const KNOWN = Object.keys(settings);
const KNOWN_LETTERS = KNOWN.map((known) => ({ known, letters: lettersOf(known) }));
const LOWER_CASE_NAMES = Object.entries<Setting>(settings)
  .filter(([, { lowerCaseToo }]) => lowerCaseToo)
  .map(([name]) => name.toLowerCase());

/** Variables of other programs whose names are close to one of our settings. */
const FOREIGN_VARIABLES = new Set([
  ...["FTP_PROXY", "ALL_PROXY", "SOCKS_PROXY", "RSYNC_PROXY", "TRACE", "LANG", "HOST"],
  ...["HOSTTYPE", "MACHTYPE", "LOGNAME", "USERNAME", "PWD", "DOCKER_CONFIG", "DOCKER_CONTEXT", "SNAP"],
]);
/** Variables of container links and of Kubernetes services: https://docs.docker.com/engine/network/links/. */
const LINK_VARIABLE =
  /_(?:PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?|SERVICE_HOST|SERVICE_PORT(?:_\w+)?|ENV_\w+)$/;

/** How many letters may be wrong. */
const allowedTypos = (name: string): number => (name.length < 4 ? 0 : name.length < 9 ? 1 : 2);

/** The setting that a variable's name probably means; undefined where it is a setting, or resembles none. */
export function guessSetting(given: string): string | undefined {
  const base = given.replace(/_FILE$/, "");
  if ([given, base].some((name) => KNOWN.includes(name)) || LOWER_CASE_NAMES.includes(base)) return undefined;
  const name = base.toUpperCase().replaceAll("-", "_");
  if (
    FOREIGN_VARIABLES.has(name) ||
    LINK_VARIABLE.test(name) ||
    LOWER_CASE_NAMES.includes(name.toLowerCase())
  )
    return undefined;
  const [nearest] = [...new Set([name, name.replace(/^OUROBOROS_/, "")])]
    .flatMap((text) =>
      mayBeNear(text).map((known) => ({ known, distance: editDistance(text, known, allowedTypos(known)) })),
    )
    .filter(({ known, distance }) => distance <= allowedTypos(known))
    .sort((a, b) => a.distance - b.distance);
  return nearest && `${nearest.known}${base === given ? "" : "_FILE"}`;
}

/** Of all other settings more than the allowed letters differ. An environment can be long, and distances take time. */
function mayBeNear(text: string): string[] {
  const letters = lettersOf(text);
  return KNOWN_LETTERS.filter(
    ({ known, letters: others }) =>
      Math.abs(text.length - known.length) <= allowedTypos(known) &&
      countBits(letters ^ others) <= 2 * allowedTypos(known), // a wrong letter is one too many and one too few
  ).map(({ known }) => known);
}

/** The letters of the text as a set of bits; some letters share one. */
function lettersOf(text: string): number {
  let letters = 0;
  for (let index = 0; index < text.length; index += 1) letters |= 1 << (text.charCodeAt(index) % 32);
  return letters;
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

/**
 * Misspelt settings that were meant to keep containers from being updated: the program must not start without them.
 */
export function findUnsafeMisspellings(
  env: NodeJS.ProcessEnv,
  given: (name: SettingName) => string | undefined,
): string[] {
  const isOn = (name: SettingName): boolean => /^(?:true|yes|1)$/i.test(unquote(given(name) ?? ""));
  if (isOn("MONITOR_ONLY") || isOn("DRY_RUN")) return [];
  return Object.keys(env)
    .sort()
    .flatMap((name) => {
      const meant = guessSetting(name);
      const setting = meant?.replace(/_FILE$/, "") as SettingName | undefined;
      if (setting === undefined || !narrows(setting) || given(setting) !== undefined) return [];
      return /^(?:false|no|0|)$/i.test(unquote(env[name] ?? ""))
        ? []
        : [
            `${name} is no setting and is not read, and ${meant ?? ""} keeps containers from being updated: write it so, or unset it to start`,
          ];
    });
}

const narrows = (name: SettingName): boolean => (settings[name] as Setting).narrows === true;
