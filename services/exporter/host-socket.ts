// Which Engine a host's name stands for. Pure.
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import type { Settings } from "../../shared/settings/settings.ts";

export type SocketLookUp = (host: string, entry: HostEntry | undefined) => string;

/** By the host's last poll; before its first one by these settings. A host that is forgotten keeps its Engine. */
export function makeSocketLookUp({
  DOCKER_SOCKETS,
  OUROBOROS_HOST,
}: Pick<Settings, "DOCKER_SOCKETS" | "OUROBOROS_HOST">): SocketLookUp {
  const known = new Map<string, string>();
  return (host, entry) => {
    if (entry?.cycle !== undefined) known.set(host, entry.cycle.socket);
    return known.get(host) ?? DOCKER_SOCKETS[OUROBOROS_HOST.indexOf(host)] ?? DOCKER_SOCKETS[0] ?? "";
  };
}
