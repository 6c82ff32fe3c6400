// Through which proxy an address is asked, by the rules that the Engine follows (golang.org/x/net/http/httpproxy):
// loopback never, and NO_PROXY holds names with their subdomains, `.names` for subdomains alone, addresses, networks and
// `*`, each but the last two with a port where it is meant for one only. Pure.
import { isIP } from "node:net";
import { hostnameOf, isLoopback, parseNetworks } from "./insecure-registries.ts";

/** As given: addresses of proxies, and who is asked without one. Empty for none. */
export interface Proxies {
  readonly http: string;
  readonly https: string;
  readonly no: string;
}

/** Our own environment comes first; the Engine's proxies stand in where it names none. */
export function proxiesFrom(own: Proxies, engine: Proxies): Proxies {
  if (own.http !== "" || own.https !== "") return own;
  return {
    http: withoutMask(engine.http),
    https: withoutMask(engine.https),
    no: [engine.no, own.no].filter(Boolean).join(","),
  };
}

/** The Engine shows no credentials but `xxxxx:xxxxx`. */
const withoutMask = (proxy: string): string => proxy.replace(/^(\w+:\/\/)?xxxxx(?::xxxxx)?@/, "$1");

/** Undefined where it is asked without one. */
export function proxyFor(url: URL, { http, https, no }: Proxies): URL | undefined {
  const given = url.protocol === "https:" ? https : http;
  if (given === "" || isLoopback(url.hostname) || isExempt(url, no)) return undefined;
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  return proxy !== undefined && /^https?:$/.test(proxy.protocol) ? proxy : undefined;
}

function isExempt(url: URL, no: string): boolean {
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const name = hostnameOf(url.hostname).toLowerCase();
  return no
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => matches(entry.toLowerCase(), name, port));
}

function matches(entry: string, name: string, port: string): boolean {
  if (entry === "*") return true;
  const family = isIP(name);
  if (entry.includes("/"))
    return family !== 0 && parseNetworks([entry]).check(name, family === 6 ? "ipv6" : "ipv4");
  const [, only] = isIP(entry) === 6 ? [] : (/:(\d+)$/.exec(entry) ?? []);
  if (only !== undefined && only !== port) return false;
  const meant = isIP(entry) === 6 ? entry : hostnameOf(entry).replace(/^\*/, "");
  return meant.startsWith(".") ? name.endsWith(meant) : name === meant || name.endsWith(`.${meant}`);
}
