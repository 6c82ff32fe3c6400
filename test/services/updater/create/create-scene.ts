/** Small documents to recreate a container from. */
import type {
  Config,
  ContainerDocument,
  NetworkEndpoint,
  HostConfig,
  ImageConfig,
  MountPoint,
  Recreation,
} from "../../../../services/updater/create/inspect.ts";

export const ID = "0123456789abcdef".repeat(4);
export const NEW_IMAGE = "sha256:new";

/** What differs from a container without options on an image without defaults. */
export interface RecreationInput {
  readonly config?: Partial<Config>;
  readonly host?: Partial<HostConfig>;
  readonly mounts?: readonly MountPoint[];
  readonly networks?: Readonly<Record<string, NetworkEndpoint>>;
  readonly image?: ImageConfig | null;
  readonly next?: ImageConfig | null;
  readonly api?: string;
  readonly replaced?: Readonly<Record<string, string>>;
  readonly volumesFrom?: Readonly<Record<string, readonly MountPoint[]>>;
}

export function recreation(given: RecreationInput = {}): Recreation {
  const { config = {}, host = {}, mounts = [], networks = {}, image = {}, next = {}, api = "1.51" } = given;
  const old: ContainerDocument = {
    Id: ID,
    Name: "/web",
    Created: "2026-01-01T00:00:00Z",
    Image: "sha256:old",
    Config: { Image: "app:1", ...config },
    HostConfig: { NetworkMode: "bridge", ...host },
    Mounts: mounts,
    NetworkSettings: { Networks: networks },
  };
  return {
    old,
    oldImage: { Id: "sha256:old", Config: image },
    newImage: { Id: NEW_IMAGE, Config: next },
    api,
    engineHostname: "engine1",
    replaced: new Map(Object.entries(given.replaced ?? {})),
    volumesFrom: new Map(Object.entries(given.volumesFrom ?? {})),
  };
}

export const volume = (Name: string, Destination: string, RW = true): MountPoint => ({
  Type: "volume",
  Name,
  Source: `/var/lib/docker/volumes/${Name}/_data`,
  Destination,
  RW,
});
export const bind = (Source: string, Destination: string, RW = true): MountPoint => ({
  Type: "bind",
  Source,
  Destination,
  RW,
});

/** Without fields that are undefined: they are not sent. */
export const sent = (value: object): unknown => JSON.parse(JSON.stringify(value));
