// Variables that look like a setting of ours written wrong. What systems, compose, orchestrators and other programs set
// by themselves is never one. Pure.
import { unquoted } from "./given.ts";
import { distance } from "./nearest.ts";
import { type Setting, type SettingName, settings } from "./settings.ts";

const KNOWN = Object.keys(settings);
const LOWER = Object.entries<Setting>(settings)
  .filter(([, { lowerCaseToo }]) => lowerCaseToo)
  .map(([name]) => name.toLowerCase());

/** Names of other programs' variables that are near to one of ours. */
const OTHERS = new Set([
  ...["FTP_PROXY", "ALL_PROXY", "SOCKS_PROXY", "RSYNC_PROXY", "TRACE", "LANG", "HOST"],
  ...["HOSTTYPE", "MACHTYPE", "LOGNAME", "USERNAME", "PWD", "DOCKER_CONFIG", "DOCKER_CONTEXT", "SNAP"],
]);
/** Links of containers and services of Kubernetes: https://docs.docker.com/engine/network/links/. */
const LINKED = /_(?:PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?|SERVICE_HOST|SERVICE_PORT(?:_\w+)?|ENV_\w+)$/;

/** How many letters may be wrong. */
const mayBeWrong = (name: string): number => (name.length < 4 ? 0 : name.length < 9 ? 1 : 2);

/** Undefined where it is a setting, or like none. */
export function meantSetting(given: string): string | undefined {
  const base = given.replace(/_FILE$/, "");
  if ([given, base].some((name) => KNOWN.includes(name)) || LOWER.includes(base)) return undefined;
  const name = base.toUpperCase().replaceAll("-", "_");
  if (OTHERS.has(name) || LINKED.test(name) || LOWER.includes(name.toLowerCase())) return undefined;
  const [nearest] = [name, name.replace(/^OUROBOROS_/, "")]
    .flatMap((text) => KNOWN.map((known) => ({ known, far: distance(text, known) })))
    .filter(({ known, far }) => far <= mayBeWrong(known))
    .sort((one, other) => one.far - other.far);
  return nearest && `${nearest.known}${base === given ? "" : "_FILE"}`;
}

/** Why the program may not start: what was to keep containers from being updated is written wrong, and would not be read. */
export function wronglyNarrowing(
  env: NodeJS.ProcessEnv,
  given: (name: SettingName) => string | undefined,
): string[] {
  const isOn = (name: SettingName): boolean => /^(?:true|yes|1)$/i.test(unquoted(given(name) ?? ""));
  if (isOn("MONITOR_ONLY") || isOn("DRY_RUN")) return [];
  return Object.keys(env)
    .sort()
    .flatMap((name) => {
      const meant = meantSetting(name);
      const own = meant?.replace(/_FILE$/, "") as SettingName | undefined;
      if (own === undefined || !narrows(own) || given(own) !== undefined) return [];
      return /^(?:false|no|0|)$/i.test(unquoted(env[name] ?? ""))
        ? []
        : [
            `${name} is no setting and is not read, and ${meant ?? ""} keeps containers from being updated: write it so, or unset it to start`,
          ];
    });
}

const narrows = (name: SettingName): boolean => (settings[name] as Setting).narrows === true;
