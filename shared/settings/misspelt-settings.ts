// Variables that look like a setting of ours written wrong. What systems, compose, orchestrators and other programs set
// by themselves is never one. Pure.
import { unquote } from "./env-value.ts";
import { editDistance } from "./did-you-mean.ts";
import { type Setting, type SettingName, settings } from "./settings.ts";

const KNOWN = Object.keys(settings);
const LOWER_CASE_NAMES = Object.entries<Setting>(settings)
  .filter(([, { lowerCaseToo }]) => lowerCaseToo)
  .map(([name]) => name.toLowerCase());

/** Names of other programs' variables that are near to one of ours. */
const FOREIGN_VARIABLES = new Set([
  ...["FTP_PROXY", "ALL_PROXY", "SOCKS_PROXY", "RSYNC_PROXY", "TRACE", "LANG", "HOST"],
  ...["HOSTTYPE", "MACHTYPE", "LOGNAME", "USERNAME", "PWD", "DOCKER_CONFIG", "DOCKER_CONTEXT", "SNAP"],
]);
/** Links of containers and services of Kubernetes: https://docs.docker.com/engine/network/links/. */
const LINK_VARIABLE =
  /_(?:PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?|SERVICE_HOST|SERVICE_PORT(?:_\w+)?|ENV_\w+)$/;

/** How many letters may be wrong. */
const allowedTypos = (name: string): number => (name.length < 4 ? 0 : name.length < 9 ? 1 : 2);

/** Undefined where it is a setting, or like none. */
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
  const [nearest] = [name, name.replace(/^OUROBOROS_/, "")]
    .flatMap((text) => KNOWN.map((known) => ({ known, far: editDistance(text, known) })))
    .filter(({ known, far }) => far <= allowedTypos(known))
    .sort((one, other) => one.far - other.far);
  return nearest && `${nearest.known}${base === given ? "" : "_FILE"}`;
}

/** Why the program may not start: what was to keep containers from being updated is written wrong, and would not be read. */
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
      const own = meant?.replace(/_FILE$/, "") as SettingName | undefined;
      if (own === undefined || !narrows(own) || given(own) !== undefined) return [];
      return /^(?:false|no|0|)$/i.test(unquote(env[name] ?? ""))
        ? []
        : [
            `${name} is no setting and is not read, and ${meant ?? ""} keeps containers from being updated: write it so, or unset it to start`,
          ];
    });
}

const narrows = (name: SettingName): boolean => (settings[name] as Setting).narrows === true;
