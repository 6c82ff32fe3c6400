// The Engine of who says nothing: the system's; where there is none, the user's own (rootless Docker or podman).
import { existsSync } from "node:fs";

const SYSTEM = "/var/run/docker.sock";

/** `unix:///path`. The system's where there is none at all, so that the error names what is usual. */
export function findDefaultSocket(
  { XDG_RUNTIME_DIR: own = "" }: NodeJS.ProcessEnv,
  isThere: (path: string) => boolean = existsSync,
): string {
  const users = own === "" ? [] : [`${own}/docker.sock`, `${own}/podman/podman.sock`];
  return `unix://${[SYSTEM, ...users].find(isThere) ?? SYSTEM}`;
}
