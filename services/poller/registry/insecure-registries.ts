// Which registries may be asked over http, or without a check of their certificate. Pure. These are the Engine's
// insecure registries, and names that are themselves a loopback address. DNS answers never count, because they must
// not turn a check off: a registry that the Engine considers insecure by its resolved address is asked through the
// Engine (ask-engine.ts).
import { BlockList, isIP } from "node:net";

/** `listed` is the Engine's list: host[:port], and networks in CIDR form. `host` is an API's host, with its port. */
export function isInsecure(host: string, listed: readonly string[]): boolean {
  const name = hostnameOf(host);
  if (ALWAYS_VERIFIED.has(name)) return false;
  if (isLoopback(host) || listed.includes(host) || listed.includes(name)) return true;
  const family = isIP(name);
  return family !== 0 && parseNetworks(listed).check(name, family === 6 ? "ipv6" : "ipv4");
}

const ALWAYS_VERIFIED: ReadonlySet<string> = new Set([
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
]);

/** Decides by the name alone: `localhost`, 127.0.0.0/8, ::1. */
export function isLoopback(host: string): boolean {
  const name = hostnameOf(host);
  const family = isIP(name);
  return name === "localhost" || (family !== 0 && LOOPBACK.check(name, family === 6 ? "ipv6" : "ipv4"));
}

/** `registry.lab:5000` → `registry.lab`, `[::1]:5000` → `::1`. */
export const hostnameOf = (host: string): string => host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");

export function parseNetworks(listed: readonly string[]): BlockList {
  const networks = new BlockList();
  for (const entry of listed) {
    const [, address = "", prefix = ""] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
    const version = isIP(address);
    if (version !== 0 && Number(prefix) <= (version === 6 ? 128 : 32))
      networks.addSubnet(address, Number(prefix), version === 6 ? "ipv6" : "ipv4");
  }
  return networks;
}

const LOOPBACK = parseNetworks(["127.0.0.0/8", "::1/128"]);
