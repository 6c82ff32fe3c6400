// The parts of the Engine's inspect documents that recreating a container needs, with the nulls that the Engine
// really sends. Everything else passes through unchanged. Engine API: ContainerInspect, ImageInspect (1.41 to 1.51).
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";

export interface Healthcheck {
  readonly Test?: readonly string[] | null;
  readonly [field: string]: unknown;
}

export interface Config {
  readonly Image: string;
  readonly Hostname?: string;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly Env?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly Healthcheck?: Healthcheck | null;
  readonly MacAddress?: string;
  readonly NetworkDisabled?: boolean;
  readonly [field: string]: unknown;
}

export interface MountSpec {
  readonly Type: string;
  readonly Source?: string;
  readonly Target: string;
  readonly [field: string]: unknown;
}

export interface HostConfig {
  readonly NetworkMode: string;
  readonly PidMode?: string;
  readonly IpcMode?: string;
  readonly UTSMode?: string;
  readonly Binds?: readonly string[] | null;
  readonly Mounts?: readonly MountSpec[] | null;
  readonly Links?: readonly string[] | null;
  readonly VolumesFrom?: readonly string[] | null;
  readonly PortBindings?: Readonly<Record<string, unknown>> | null;
  readonly MaskedPaths?: readonly string[] | null;
  readonly ReadonlyPaths?: readonly string[] | null;
  readonly Devices?:
    readonly { readonly CgroupPermissions?: string; readonly [field: string]: unknown }[] | null;
  readonly RestartPolicy?: { readonly Name: string; readonly MaximumRetryCount?: number };
  readonly [field: string]: unknown;
}

export interface MountPoint {
  readonly Type: string;
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly RW: boolean;
}

export interface NetworkEndpoint {
  readonly IPAMConfig?: Readonly<Record<string, unknown>> | null;
  readonly Aliases?: readonly string[] | null;
  readonly Links?: readonly string[] | null;
  readonly DriverOpts?: Readonly<Record<string, string>> | null;
  readonly GwPriority?: number;
  readonly MacAddress?: string;
  readonly IPAddress?: string;
  readonly NetworkID?: string;
}

export interface ContainerDocument {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Image: string;
  readonly Config: Config;
  readonly HostConfig: HostConfig;
  readonly Mounts: readonly MountPoint[];
  readonly NetworkSettings: { readonly Networks?: Readonly<Record<string, NetworkEndpoint>> | null };
}

/** The container configuration inside an image; every field may be missing. */
export type ImageConfig = Partial<Config>;

export interface ImageDocument {
  readonly Id: string;
  readonly RepoDigests?: readonly string[] | null;
  readonly Config?: ImageConfig | null;
  readonly Os?: string;
  readonly Architecture?: string;
  readonly Variant?: string;
}

/** What the Engine's inspect of a container says: dockerode's type, and exactly what recreating it needs. */
export type ContainerInspection = Omit<ContainerInspectInfo, "HostConfig"> & {
  readonly HostConfig: Omit<ContainerInspectInfo["HostConfig"], "PortBindings" | "VolumesFrom">; // there `any`
} & ContainerDocument;
export type ImageInspection = ImageInspectInfo & ImageDocument;
