// What is known of registries in advance. CHALLENGES saves the first request, which would only earn a 401. A token
// server on another site than its registry gets credentials only if it is in TOKEN_SERVERS here, or in the setting of
// that name.
import type { Challenge } from "./challenge.ts";

const bearer = (realm: string, service: string): Challenge => ({
  scheme: "bearer",
  params: { realm, service },
});

export const CHALLENGES: ReadonlyMap<string, Challenge> = new Map([
  ["docker.io", bearer("https://auth.docker.io/token", "registry.docker.io")],
  ["ghcr.io", bearer("https://ghcr.io/token", "ghcr.io")],
  ["registry.gitlab.com", bearer("https://gitlab.com/jwt/auth", "container_registry")],
]);

/** Site of a registry → its token servers on other sites. */
export const TOKEN_SERVERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["scw.cloud", ["api.scaleway.com"]], // Scaleway's registries are rg.<region>.scw.cloud
]);
