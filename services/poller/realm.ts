// Which token server may be sent the credentials of a registry. The challenge names it, and whoever can forge or inject
// one would name his own. Pure.
//
// R1 The token server is asked over TLS; without it only where its registry is insecure by the Engine's list.
// R2 Credentials go to a token server on the registry's own site: the same host, or the same registrable domain by the
//    public suffix list (auth.docker.io for registry-1.docker.io, gitlab.com for registry.gitlab.com; not another
//    customer's of github.io). A name that has none, as an address, must be the same.
// R3 Elsewhere only by a rule: known-registries.ts, or TOKEN_SERVERS.
import { getDomain } from "tldts";
import { hostnameOf } from "./insecure-registries.ts";
import { TOKEN_SERVERS } from "./known-registries.ts";

/** `rules` as TOKEN_SERVERS has them, registry=host. `apiHost` is the registry's, with its port. */
export function mayGetCredentials(realm: URL, apiHost: string, rules: readonly string[]): boolean {
  const server = hostnameOf(realm.hostname).toLowerCase();
  const registry = hostnameOf(apiHost).toLowerCase();
  const site = siteOf(registry);
  if (server === registry || (site !== null && siteOf(server) === site)) return true;
  if (TOKEN_SERVERS.get(site ?? registry)?.includes(server) === true) return true;
  return [apiHost, registry].some((one) => rules.includes(`${one}=${server}`));
}

const siteOf = (hostname: string): string | null => getDomain(hostname, { allowPrivateDomains: true });
