// Which proxy a URL is requested through, by the Engine's rules (golang.org/x/net/http/httpproxy). Loopback addresses
// never use a proxy. NO_PROXY lists names (with their subdomains), `.names` (subdomains only), addresses, networks
// and `*`; all but networks and `*` may carry a port, and then apply to that port only. Pure.
import { isIP } from "node:net";
import { hostnameOf, isLoopback, parseNetworks } from "./insecure-registries.ts";

/** As configured: the proxies' addresses, and NO_PROXY. Empty for none. */
export interface Proxies {
  readonly http: string;
  readonly https: string;
  readonly no: string;
}

/** Our own environment comes first; where it names no proxy, the Engine's proxies are used. */
export function proxiesFrom(own: Proxies, engine: Proxies): Proxies {
  if (own.http !== "" || own.https !== "") return own;
  return {
    http: withoutMask(engine.http),
    https: withoutMask(engine.https),
    no: [engine.no, own.no].filter(Boolean).join(","),
  };
}

/** The Engine masks credentials as `xxxxx:xxxxx`. */
const withoutMask = (proxy: string): string => proxy.replace(/^(\w+:\/\/)?xxxxx(?::xxxxx)?@/, "$1");

/** Undefined where the URL is requested directly. */
export function proxyFor(url: URL, { http, https, no }: Proxies): URL | undefined {
  const configured = url.protocol === "https:" ? https : http;
  if (configured === "" || isLoopback(url.hostname) || isExempt(url, no)) return undefined;
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(configured) ? configured : `http://${configured}`;
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
  const [, onlyPort] = isIP(entry) === 6 ? [] : (/:(\d+)$/.exec(entry) ?? []);
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const pattern = isIP(entry) === 6 ? entry : hostnameOf(entry).replace(/^\*/, "");
  return pattern.startsWith(".") ? name.endsWith(pattern) : name === pattern || name.endsWith(`.${pattern}`);
}
