// The ways a registry's name is written in the Docker client's configuration and in settings. Docker's client,
// cli/config/credentials (ConvertToHostname): without scheme and path. Pure.

const HUB: ReadonlySet<string> = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** `https://ghcr.io/v2/` → `ghcr.io`, `https://index.docker.io/v1/` → `docker.io`. */
export function normalizeRegistryName(text: string): string {
  const host = text.replace(/^https?:\/\//i, "").replace(/\/.*$/s, "");
  return HUB.has(host) ? "docker.io" : host;
}
