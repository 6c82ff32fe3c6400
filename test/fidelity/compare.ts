/**
 * What of an inspect document makes a container the same as another: all of Config, HostConfig, mounts and networks,
 * without what the Engine allocates: id, name, times, addresses, names of anonymous volumes. Pure.
 */

type Fields = Readonly<Record<string, unknown>>;

export interface Mount extends Fields {
  readonly Type: string;
  readonly Name?: string;
  readonly Destination: string;
  readonly Source: string;
  readonly RW: boolean;
}

export interface Document {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly Path: string;
  readonly Args: readonly string[];
  readonly Config: Fields & { readonly Hostname?: string };
  readonly HostConfig: Fields & {
    readonly NetworkMode: string;
    readonly Binds?: readonly string[] | null;
    readonly Links?: readonly string[] | null;
    readonly Mounts?: readonly Fields[] | null;
  };
  readonly Mounts: readonly Mount[];
  readonly NetworkSettings: { readonly Networks?: Readonly<Record<string, Fields>> | null };
  readonly State: Fields & { readonly Status: string };
}

/** A name that the Engine made for a volume. */
export const isAnonymous = (name: unknown): boolean =>
  typeof name === "string" && /^[0-9a-f]{64}$/.test(name);

/** `HostConfig.Memory is 1 instead of 2`, one for each difference; `allowed` paths are not looked at. */
export function differences(now: Document, control: Document, allowed: readonly string[] = []): string[] {
  const expected = flat(viewOf(control, control));
  const found = flat(viewOf(now, control));
  const paths = [...new Set([...expected.keys(), ...found.keys()])].sort();
  return paths
    .filter((path) => expected.get(path) !== found.get(path))
    .filter((path) => !allowed.some((one) => path === one || path.startsWith(`${one}.`)))
    .map(
      (path) => `${path} is ${found.get(path) ?? "not set"} instead of ${expected.get(path) ?? "not set"}`,
    );
}

function viewOf(document: Document, control: Document): Fields {
  const { Config, HostConfig, Mounts, NetworkSettings, Path, Args } = document;
  const shares = HostConfig.NetworkMode.startsWith("container:");
  return {
    Path,
    Args,
    Config: {
      ...Config,
      Env: environmentOf(Config["Env"] as readonly string[] | null),
      Hostname: shares ? undefined : Config.Hostname === shortId(document) ? "(its id)" : Config.Hostname,
    },
    HostConfig: {
      ...HostConfig,
      MemorySwappiness: HostConfig["MemorySwappiness"] === -1 ? null : HostConfig["MemorySwappiness"],
      // Inspect spells a link `/target:/own name/alias`, and lists them in any order.
      Links: (HostConfig.Links ?? [])
        .map((link) => link.replace(`:${document.Name}/`, ":/(its name)/"))
        .sort(),
      Binds: (HostConfig.Binds ?? []).filter((bind) => !isAnonymous(bind.split(":")[0])),
      Mounts: byKey(
        (HostConfig.Mounts ?? []).map((mount) => [
          String(mount["Target"]),
          isAnonymous(mount["Source"]) ? { ...mount, Source: "" } : mount,
        ]),
      ),
    },
    Mounts: byKey(mountsOf(Mounts, control)),
    Networks: shares ? {} : networksOf(NetworkSettings.Networks ?? {}, document),
  };
}

/** Podman adds some variables when it starts a container, and lists all in any order. */
const environmentOf = (env: readonly string[] | null): readonly string[] =>
  env?.includes("container=podman")
    ? env.filter((entry) => !/^HOME=|^HOSTNAME=/.test(entry)).sort()
    : (env ?? []);

/** A volume that was carried over stays, also where the new image does not ask for it. */
const mountsOf = (mounts: readonly Mount[], control: Document): (readonly [string, Fields])[] =>
  mounts
    .filter(
      ({ Name, Destination }) =>
        !isAnonymous(Name) || control.Mounts.some((one) => one.Destination === Destination),
    )
    .map((mount) => {
      const { Type, Destination, RW, Driver } = mount;
      return [
        Destination,
        isAnonymous(mount.Name) ? { Type, Destination, RW, Driver, Name: "(anonymous)" } : mount,
      ];
    });

const networksOf = (networks: Readonly<Record<string, Fields>>, document: Document): Fields =>
  Object.fromEntries(
    Object.entries(networks).map(([name, { IPAMConfig, Aliases, Links, DriverOpts, GwPriority }]) => [
      name,
      { attached: true, IPAMConfig, Aliases: aliasesOf(Aliases, document), Links, DriverOpts, GwPriority },
    ]),
  );

/** Before API 1.45 the Engine adds the short id, and before 1.42 the host name, once the container has started. */
const aliasesOf = (aliases: unknown, document: Document): string[] =>
  ((aliases as readonly string[] | null | undefined) ?? []).filter(
    (alias) => alias !== shortId(document) && alias !== document.Config.Hostname,
  );

const shortId = ({ Id }: Document): string => Id.slice(0, 12);
const byKey = (entries: readonly (readonly [string, Fields])[]): Fields => Object.fromEntries(entries);

/** Path → value, without what is null, false, zero or empty: the Engine does not tell these apart. */
function flat(value: unknown, path = ""): Map<string, string> {
  if (isNothing(value)) return new Map();
  if (typeof value !== "object" || Array.isArray(value))
    return new Map([[path, JSON.stringify(pruned(value))]]);
  return new Map(
    Object.entries(value as Fields).flatMap(([key, inner]) => [
      ...flat(inner, path === "" ? key : `${path}.${key}`),
    ]),
  );
}

function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value)
    .filter(([, inner]) => !isNothing(inner))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(kept.map(([key, inner]) => [key, pruned(inner)]));
}

const isNothing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === false ||
  value === 0 ||
  value === "" ||
  (typeof value === "object" && Object.keys(value).length === 0);
