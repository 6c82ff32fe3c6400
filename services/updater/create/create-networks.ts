// The endpoints of a container's successor. Pure. Exactly the networks that the old container is attached to now:
// live connects and disconnects count. What the Engine allocated is left out, what the user asked for is kept.
import { endpointsInCreate } from "./create-config.ts";
import { type ContainerDocument, type NetworkEndpoint, type Recreation, hasEndpoints } from "./inspect.ts";

export interface Endpoints {
  /** For the create call; empty where the container has no endpoints of its own. */
  readonly atCreate: Readonly<Record<string, NetworkEndpoint>>;
  /** To be connected to the created container before it starts: an Engine before API 1.44 creates with one only. */
  readonly later: Readonly<Record<string, NetworkEndpoint>>;
  /** Which networks the result must be attached to; undefined where it has no endpoints of its own. */
  readonly wanted: readonly string[] | undefined;
}

export function endpointsFrom({ old, api }: Recreation): Endpoints {
  if (!hasEndpoints(old)) return { atCreate: {}, later: {}, wanted: undefined };
  const networks = Object.entries(old.NetworkSettings.Networks ?? {});
  const all = networks.map(([name, endpoint]) => [name, endpointFrom(old, name, endpoint, api)] as const);
  const wanted = networks.map(([name]) => name);
  if (endpointsInCreate(api)) return { atCreate: Object.fromEntries(all), later: {}, wanted };
  const first = networks.find(([name, endpoint]) => isPrimary(old, name, endpoint))?.[0] ?? wanted[0];
  return {
    atCreate: Object.fromEntries(all.filter(([name]) => name === first)),
    later: Object.fromEntries(all.filter(([name]) => name !== first)),
    wanted,
  };
}

function endpointFrom(
  old: ContainerDocument,
  name: string,
  endpoint: NetworkEndpoint,
  api: string,
): NetworkEndpoint {
  const ipam = Object.fromEntries(
    Object.entries(endpoint.IPAMConfig ?? {}).filter(([, value]) => !isEmpty(value)),
  );
  const aliases = (endpoint.Aliases ?? []).filter((alias) => alias !== old.Id.slice(0, 12));
  const mac = endpointsInCreate(api) ? macFrom(old, name, endpoint) : undefined;
  return {
    ...(!isEmpty(ipam) && { IPAMConfig: ipam }),
    ...(aliases.length > 0 && { Aliases: aliases }),
    ...(!isEmpty(endpoint.Links) && { Links: endpoint.Links ?? [] }),
    ...(!isEmpty(endpoint.DriverOpts) && { DriverOpts: endpoint.DriverOpts ?? {} }),
    ...(endpoint.GwPriority ? { GwPriority: endpoint.GwPriority } : {}),
    ...(mac !== undefined && { MacAddress: mac }),
  };
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === "" ||
  (typeof value === "object" && Object.keys(value).length === 0);

function isPrimary(old: ContainerDocument, name: string, endpoint: NetworkEndpoint): boolean {
  const mode = old.HostConfig.NetworkMode;
  return (
    name === mode ||
    (name === "bridge" && ["default", "bridge"].includes(mode)) ||
    endpoint.NetworkID === mode
  );
}

/**
 * At the primary endpoint only a configured address (Config.MacAddress) is kept. At others the API cannot tell a
 * configured one from one the Engine made (moby/moby#48168); made from the IPv4 address it is recognised and dropped,
 * else kept: pinning a random address is harmless, losing a configured one is not.
 */
function macFrom(old: ContainerDocument, name: string, endpoint: NetworkEndpoint): string | undefined {
  if (isPrimary(old, name, endpoint)) return old.Config.MacAddress || undefined;
  const { MacAddress: mac, IPAddress: ip } = endpoint;
  const made = ip
    ? ["02", "42", ...ip.split(".").map((part) => Number(part).toString(16).padStart(2, "0"))].join(":")
    : undefined;
  return mac && mac !== made ? mac : undefined;
}
