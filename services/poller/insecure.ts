// Which registries may be asked without TLS, or without checking their certificate: those the Engine treats so.
// As in the Engine's registry package (config.go, isSecureIndex): by name, or by an address in a given network.
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/** `insecure` as the Engine lists them: host[:port], and networks in CIDR form; loopback is among them always. */
export async function isInsecure(host: string, insecure: readonly string[]): Promise<boolean> {
  const name = nameOf(host);
  if (name === "localhost" || insecure.includes(host) || insecure.includes(name)) return true;
  const networks = networksOf(["127.0.0.0/8", "::1/128", ...insecure]);
  return (await addressesOf(name)).some((address) =>
    networks.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"),
  );
}

/** `registry.lab:5000` → `registry.lab`, `[::1]:5000` → `::1`. */
const nameOf = (host: string): string => host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");

function networksOf(insecure: readonly string[]): BlockList {
  const networks = new BlockList();
  for (const one of insecure) {
    const [, address = "", prefix = ""] = /^(.+)\/(\d{1,3})$/.exec(one) ?? [];
    const version = isIP(address);
    if (version !== 0 && Number(prefix) <= (version === 6 ? 128 : 32))
      networks.addSubnet(address, Number(prefix), version === 6 ? "ipv6" : "ipv4");
  }
  return networks;
}

async function addressesOf(name: string): Promise<string[]> {
  if (isIP(name) !== 0) return [name];
  const found = await lookup(name, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}
