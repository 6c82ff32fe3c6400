// The Engine to use where no setting names one: the system's, else the user's own (rootless Docker or podman).
import { existsSync } from "node:fs";

const SYSTEM = "/var/run/docker.sock";

/** `unix:///path`. Falls back to the system's socket, so that the error names the usual path. */
export function findDefaultSocket(
  { XDG_RUNTIME_DIR: runtimeDir = "" }: NodeJS.ProcessEnv,
  exists: (path: string) => boolean = existsSync,
): string {
  const userSockets =
    runtimeDir === "" ? [] : [`${runtimeDir}/docker.sock`, `${runtimeDir}/podman/podman.sock`];
  return `unix://${[SYSTEM, ...userSockets].find(exists) ?? SYSTEM}`;
}
