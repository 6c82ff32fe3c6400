// Builds the HostConfig of a container's successor, including the anonymous volumes it takes over. Pure. HostConfig
// is the same in create and inspect, except for the fields handled here.
import { canonicalPath } from "./canonical-path.ts";
import { userGivenName } from "../../../shared/containers/swap-names.ts";
import {
  type HostConfig,
  type MountPoint,
  type MountSpec,
  type Recreation,
  madeByPodman,
} from "./inspect.ts";

/** Every Engine's default lists contain these. A list that contains them is the default and must follow upgrades. */
const MASKED_EVERYWHERE = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"];
const READONLY_EVERYWHERE = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export function hostConfigFrom(recreation: Recreation): HostConfig {
  const { old, replaced } = recreation;
  const { MaskedPaths, ReadonlyPaths, ...host } = old.HostConfig;
  return {
    ...host,
    ...renewedModes(host, replaced),
    ...pathsFrom(MaskedPaths, ReadonlyPaths),
    ...linksFrom(host.Links),
    ...volumesFrom(recreation),
    ...mountsFrom(recreation),
    ...quirksOf(host),
    ...(madeByPodman(old) && podmanQuirksOf(host)),
  };
}

function renewedModes(host: HostConfig, replaced: ReadonlyMap<string, string>): Partial<HostConfig> {
  const renew = (mode: string): string => {
    const [kind = "", id = ""] = mode.split(":");
    return kind === "container" ? `container:${replaced.get(id) ?? id}` : mode;
  };
  return {
    NetworkMode: renew(host.NetworkMode),
    ...(host.PidMode !== undefined && { PidMode: renew(host.PidMode) }),
    ...(host.IpcMode !== undefined && { IpcMode: renew(host.IpcMode) }),
  };
}

type Paths = readonly string[] | null | undefined;

function pathsFrom(masked: Paths, readonly: Paths): Partial<HostConfig> {
  const containsAll = (paths: Paths, all: readonly string[]) => all.every((path) => paths?.includes(path));
  return {
    ...(masked && !containsAll(masked, MASKED_EVERYWHERE) && { MaskedPaths: masked }),
    ...(readonly &&
      !(readonly.length === READONLY_EVERYWHERE.length && containsAll(readonly, READONLY_EVERYWHERE)) && {
        ReadonlyPaths: readonly,
      }),
  };
}

/** Inspect shows `/target:/self/alias`, create expects `target:alias`. */
function linksFrom(links: HostConfig["Links"]): Partial<HostConfig> {
  if (!links) return {};
  return {
    Links: links.map((link) => {
      const [target = "", alias = ""] = link.split(":");
      return `${userGivenName(target.replace(/^\//, ""))}:${alias.slice(alias.lastIndexOf("/") + 1)}`;
    }),
  };
}

const sourceOf = (entry: string): string => entry.split(":")[0] ?? "";

/** Omits sources that are gone, because create would refuse them; `mountsFrom` then carries their volumes. */
function volumesFrom({ old, replaced, volumesFrom: sources }: Recreation): Partial<HostConfig> {
  const entries = (old.HostConfig.VolumesFrom ?? []).filter((entry) => sources.has(sourceOf(entry)));
  if (old.HostConfig.VolumesFrom === undefined) return {};
  const renewed = entries.map((entry) => {
    const source = sourceOf(entry);
    return `${replaced.get(source) ?? source}${entry.slice(source.length)}`;
  });
  return { VolumesFrom: renewed.length > 0 ? renewed : null };
}

/**
 * The volumes of the old container that the create call would not give to the new one: anonymous volumes, and those
 * of a VolumesFrom source that is gone. They are bound by name, so that the data stays.
 */
export function carriedMounts({ old, volumesFrom: sources }: Recreation): MountPoint[] {
  const { Binds, Mounts, VolumesFrom } = old.HostConfig;
  const given = new Set([
    ...(Binds ?? []).map((bind) => canonicalPath(bind.split(":")[1] ?? "")),
    ...(Mounts ?? []).filter((mount) => mount.Source).map((mount) => canonicalPath(mount.Target)),
  ]);
  const lost = (VolumesFrom ?? []).some((entry) => !sources.has(sourceOf(entry)));
  const fromOthers = [...sources.values()].flat();
  return old.Mounts.filter(
    (mount) =>
      (mount.Type === "volume" || (mount.Type === "bind" && lost)) &&
      !given.has(canonicalPath(mount.Destination)) &&
      !fromOthers.some(
        ({ Name, Destination }) =>
          Name === mount.Name && canonicalPath(Destination) === canonicalPath(mount.Destination),
      ),
  );
}

function mountsFrom(recreation: Recreation): Partial<HostConfig> {
  const { Binds, Mounts } = recreation.old.HostConfig;
  const carried = new Map(
    carriedMounts(recreation).map((mount) => [canonicalPath(mount.Destination), mount]),
  );
  const mounts = (Mounts ?? []).map((mount): MountSpec => {
    const volume =
      mount.Type === "volume" && !mount.Source ? carried.get(canonicalPath(mount.Target)) : undefined;
    if (volume === undefined) return mount;
    carried.delete(canonicalPath(mount.Target));
    return { ...mount, Source: volume.Name ?? volume.Source };
  });
  const binds = [...carried.values()].map(
    (mount) => `${mount.Name ?? mount.Source}:${mount.Destination}${mount.RW ? "" : ":ro"}`,
  );
  return {
    ...(Mounts && { Mounts: mounts }),
    ...(binds.length > 0 && { Binds: [...(Binds ?? []), ...binds] }),
  };
}

/** Podman shows swappiness 0 if none was set, which crun refuses on cgroup v2. */
const podmanQuirksOf = (host: HostConfig): Partial<HostConfig> =>
  [0, -1].includes(host["MemorySwappiness"] as number) ? { MemorySwappiness: undefined } : {};

/** Values that inspect shows but create refuses: zero kernel memory, and podman's two spellings of one CPU limit. */
function quirksOf(host: HostConfig): Partial<HostConfig> {
  const zero = ["KernelMemory", "KernelMemoryTCP"].filter((field) => field in host && !host[field]);
  return {
    ...Object.fromEntries(zero.map((field) => [field, undefined])),
    ...(host["NanoCpus"] && host["CpuQuota"] ? { CpuQuota: undefined, CpuPeriod: undefined } : {}),
    ...(host.Devices && {
      Devices: host.Devices.map((device) => ({
        ...device,
        CgroupPermissions: device.CgroupPermissions || "rwm",
      })),
    }),
  };
}
