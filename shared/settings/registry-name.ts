// Normalizes the spellings of a registry's name in the Docker client's configuration and in settings, as Docker's
// client does: without scheme and path (cli/config/credentials, ConvertToHostname). Pure.

const HUB: ReadonlySet<string> = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** `https://ghcr.io/v2/` → `ghcr.io`, `https://index.docker.io/v1/` → `docker.io`. */
export function normalizeRegistryName(text: string): string {
  const host = text.replace(/^https?:\/\//i, "").replace(/\/.*$/s, "");
  return HUB.has(host) ? "docker.io" : host;
}
