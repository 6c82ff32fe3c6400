// DASHBOARD_AUTH=forward-auth: a proxy in front signs people in and says in headers who they are. Only what comes from
// the address of such a proxy is believed. Pure.
import { BlockList, isIPv6 } from "node:net";
import type { Settings } from "../../../shared/settings/settings.ts";
import { type Person, readPersonName, roleOf } from "./person.ts";

type ForwardAuthSettings = Pick<
  Settings,
  "DASHBOARD_PROXIES" | "DASHBOARD_USER_HEADER" | "DASHBOARD_GROUPS_HEADER" | "DASHBOARD_ROLES"
>;

export type ForwardedPerson = Person | "not from a proxy" | "nobody" | "no role";

export function makeForwardAuth(
  settings: ForwardAuthSettings,
): (address: string, header: (name: string) => string | undefined) => ForwardedPerson {
  const isProxy = makeProxyCheck(settings);
  return (address, header) => {
    if (!isProxy(address)) return "not from a proxy";
    const name = readPersonName(decode(header(settings.DASHBOARD_USER_HEADER)));
    if (name === undefined) return "nobody";
    const groups = decode(header(settings.DASHBOARD_GROUPS_HEADER))
      .split(/[,|]/)
      .map((group) => group.trim());
    const role = roleOf({ name, groups }, settings.DASHBOARD_ROLES);
    return role === undefined ? "no role" : { name, role };
  };
}

/** Whether the address is one of DASHBOARD_PROXIES. */
export function makeProxyCheck({
  DASHBOARD_PROXIES,
}: Pick<Settings, "DASHBOARD_PROXIES">): (address: string) => boolean {
  const proxies = proxyList(DASHBOARD_PROXIES);
  return (address) => proxies.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** Proxies send UTF-8; Node reads the bytes of a header as Latin-1. */
const decode = (value = ""): string => Buffer.from(value, "latin1").toString("utf8");

function proxyList(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const given of addresses) {
    const [address = "", bits] = given.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
