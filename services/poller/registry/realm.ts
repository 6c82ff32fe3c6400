// Which token server may receive a registry's credentials. The challenge names the server, and whoever can forge or
// inject a challenge would name his own. Pure.
//
// R1 The token server is asked over TLS; without TLS only where the Engine lists its registry as insecure.
// R2 Credentials go to a token server on the registry's own site: the same host, or the same registrable domain by
//    the public suffix list (auth.docker.io for registry-1.docker.io, gitlab.com for registry.gitlab.com; not another
//    customer's of github.io). A name without a registrable domain, such as an address, must be identical.
// R3 Credentials go to another site only by a rule: known-registries.ts, or the setting TOKEN_SERVERS.
import { getDomain } from "tldts";
import { hostnameOf } from "./insecure-registries.ts";
import { TOKEN_SERVERS } from "./known-registries.ts";

/** `rules` are the entries of TOKEN_SERVERS, registry=host. `apiHost` is the registry's API host, with its port. */
export function mayGetCredentials(realm: URL, apiHost: string, rules: readonly string[]): boolean {
  const server = hostnameOf(realm.hostname).toLowerCase();
  const registry = hostnameOf(apiHost).toLowerCase();
  const site = siteOf(registry);
  if (server === registry || (site !== null && siteOf(server) === site)) return true;
  if (TOKEN_SERVERS.get(site ?? registry)?.includes(server) === true) return true;
  return [apiHost, registry].some((name) => rules.includes(`${name}=${server}`));
}

const siteOf = (hostname: string): string | null => getDomain(hostname, { allowPrivateDomains: true });
