/** All cases. Their containers bear the case's name, so no two cases have the same. */
import type { Case } from "./case.ts";
import type { ImageName } from "./images.ts";
import type { Cases } from "./lab.ts";
import { configCases } from "./cases/config.ts";
import { dependantCases } from "./cases/dependants.ts";
import { hostCases } from "./cases/host.ts";
import { skippedCases } from "./cases/skipped.ts";
import { networkCases } from "./cases/networks.ts";
import { volumeCases } from "./cases/volumes.ts";

/** By what they are about. */
export const topics = {
  "the container itself": configCases,
  "volumes and mounts": volumeCases,
  "its place on the host": hostCases,
  networks: networkCases,
  "containers that refer to others": dependantCases,
  "left alone": skippedCases,
} as const satisfies Record<string, Readonly<Record<string, Case>>>;

export const allCases: Cases = Object.assign({}, ...Object.values(topics)) as Record<string, Case>;

export const casesOf = (...chosen: readonly (keyof typeof topics)[]): Cases =>
  Object.assign({}, ...chosen.map((topic) => topics[topic])) as Record<string, Case>;

/** The same cases on another image, where they do not name one. */
export const onImage = (image: ImageName, cases: Cases): Cases =>
  Object.fromEntries(
    Object.entries(cases).map(([name, one]) => [
      name,
      {
        ...one,
        members: Object.fromEntries(
          Object.entries(one.members).map(([key, member]) => [key, { image, ...member }]),
        ),
      },
    ]),
  );

/** Those with these names. @throws where there is no such case */
export const chosen = (...names: readonly string[]): Cases =>
  Object.fromEntries(names.map((name) => [name, existing(name)]));

function existing(name: string): Case {
  const found = allCases[name];
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

/** What `npm test` shows: of cases that differ in little, the one that asks for most. */
export const oneOfEachKind: Cases = chosen(
  ...["plain", "environment", "environment-bare", "labels", "compose-labels", "command", "entrypoint-alone"],
  ...["entrypoint-reset", "user-workdir-stop", "healthcheck", "healthcheck-retries", "healthcheck-vanishes"],
  ...["hostname", "tty", "mild", "twice", "bare", "config-vanishes", "entrypoint-appears-own"],
  ...["entrypoint-vanishes-reset", "binds", "image-volumes", "anonymous-in-binds", "mounts-mixed"],
  ...["tmpfs-over-image-volume", "volume-appears", "volume-vanishes", "volume-spelt-otherwise"],
  ...["volumes-from-replaced", "ports", "ports-random", "port-vanishes", "publish-all", "restart-on-failure"],
  ...["rights", "unmasked-paths", "limits", "devices-and-ulimits", "names", "log", "live-limits"],
  ...["static-address", "three-networks", "network-host", "mac-address-both", "gateway-priority"],
  ...["ipv6-static", "live-connect-address", "live-exchange", "network-both", "network-children"],
  ...["chain-of-three", "link-both", "link-on-network", "soft-dependency", "hard-dependency-shares"],
  ...["stopped", "paused", "auto-removed", "swarm-task", "pinned-by-digest", "by-image-id", "role"],
);
