// Containers that refer to one another: child lives in vpn's network, grandchild in child's pid namespace, linker links to
// vpn. `key` is appended to all names, which keeps several chains apart.
import assert from "node:assert/strict";
import type { Engine } from "../bed/bed.ts";
import { deploy, idOf, overview } from "./containers.ts";

export interface Chain {
  readonly h: Engine;
  readonly key?: string;
}

const names = ({ key = "" }: Chain) => ["child", "grandchild", "linker", "vpn"].map((name) => name + key);

/** `labels`: of vpn. Resolves with the ids, as `chainIds` does. */
export async function deployChain(chain: Chain, labels: Record<string, string> = {}): Promise<string[]> {
  const { h, key = "" } = chain;
  const vpn = await deploy(h, `vpn${key}`, {
    image: "apps/vpn",
    create: { Labels: labels, HostConfig: { RestartPolicy: { Name: "always" } } },
  });
  const Cmd = ["sh", "-c", "trap 'exit 0' TERM; sleep 10000 & wait"]; // the port is vpn's
  const child = await deploy(h, `child${key}`, {
    image: "apps/child",
    create: { Cmd, HostConfig: { NetworkMode: `container:${vpn}`, RestartPolicy: { Name: "always" } } },
  });
  const image = "apps/beside";
  await deploy(h, `grandchild${key}`, { image, create: { HostConfig: { PidMode: `container:${child}` } } });
  await deploy(h, `linker${key}`, { image, create: { HostConfig: { Links: [`vpn${key}:tunnel`] } } });
  return chainIds(chain);
}

/** Of child, grandchild, linker and vpn. */
export const chainIds = (chain: Chain): Promise<string[]> =>
  Promise.all(names(chain).map((name) => idOf(chain.h, name)));

/** All run, refer to one another, and can be started again. `version`: of vpn. */
export async function assertChain(chain: Chain, version: string): Promise<void> {
  const { h, key = "" } = chain;
  const lines = (await overview(h)).filter((line) => names(chain).some((name) => line.startsWith(name)));
  assert.deepEqual(lines, [
    `child${key} running 1`,
    `grandchild${key} running 1`,
    `linker${key} running 1`,
    `vpn${key} running ${version}`,
  ]);
  const [child, grandchild, linker, vpn] = await Promise.all(
    names(chain).map((name) => h.docker.getContainer(name).inspect()),
  );
  assert.equal(child?.HostConfig.NetworkMode, `container:${vpn?.Id}`);
  assert.equal(grandchild?.HostConfig.PidMode, `container:${child?.Id}`);
  assert.deepEqual(linker?.HostConfig.Links, [`/vpn${key}:/linker${key}/tunnel`]);
  for (const name of ["child", "linker"]) await h.docker.getContainer(name + key).restart({ t: 1 });
  assert.equal(child?.HostConfig.RestartPolicy?.Name, "always");
}
