// The input for recreating a container, and what its inspect document says of namespaces and endpoints. Pure.
import type {
  ContainerDocument,
  ImageDocument,
  MountPoint,
} from "../../../shared/docker/inspect-documents.ts";

export type {
  Healthcheck,
  Config,
  MountSpec,
  HostConfig,
  MountPoint,
  NetworkEndpoint,
  ContainerDocument,
  ImageConfig,
  ImageDocument,
} from "../../../shared/docker/inspect-documents.ts";

/** The input for recreating a container. */
export interface Recreation {
  readonly old: ContainerDocument;
  /** The image that the old container runs, by id. Values that come from it are not the user's. */
  readonly oldImage: ImageDocument;
  readonly newImage: ImageDocument;
  readonly api: string;
  readonly engineHostname: string;
  /** Containers recreated in this run: old id → new id. */
  readonly replaced: ReadonlyMap<string, string>;
  /**
   * Mounts of the containers in VolumesFrom, by the name or id written there. A container that is gone is missing.
   */
  readonly volumesFrom: ReadonlyMap<string, readonly MountPoint[]>;
}

export const sharesContainer = (mode: string | undefined): boolean => mode?.startsWith("container:") ?? false;

interface NamespaceModes {
  readonly HostConfig: { readonly [Mode in "NetworkMode" | "PidMode" | "IpcMode"]?: string | undefined };
}

/** Ids or names of the containers whose namespaces this container shares. */
export const namespaceParents = ({
  HostConfig: { NetworkMode, PidMode, IpcMode },
}: NamespaceModes): string[] =>
  [NetworkMode, PidMode, IpcMode].flatMap((mode) =>
    mode !== undefined && sharesContainer(mode) ? [mode.slice("container:".length)] : [],
  );

/** True if the network mode is not `host`, `none` or another container's: the container has its own endpoints. */
export const hasEndpoints = ({ HostConfig: host, Config: config }: ContainerDocument): boolean =>
  !sharesContainer(host.NetworkMode) &&
  !["host", "none"].includes(host.NetworkMode) &&
  config.NetworkDisabled !== true;

/** Podman's Docker API shows more than the user set: also what its runtime added, in its own spelling. */
export const madeByPodman = ({ Config: config }: ContainerDocument): boolean =>
  config.Env?.includes("container=podman") ?? false;
