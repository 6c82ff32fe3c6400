// Turns the Engine's inspect documents into the payloads of events. An allow-list: nothing else leaves the host.
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";
import { shortDigest } from "../registry/image-change.ts";
import type { ContainerPayload, ImagePayload } from "../contract/payloads.ts";

/** Pass `name` where the container does not bear the name that its user gave it. */
export function describeContainer(
  inspect: ContainerInspectInfo,
  name = inspect.Name.replace(/^\//, ""),
): ContainerPayload {
  return {
    id: inspect.Id,
    short_id: inspect.Id.slice(0, 12),
    name,
    status: inspect.State.Status,
    image: inspect.Config.Image,
    image_id: inspect.Image,
    labels: inspect.Config.Labels ?? {},
    created: inspect.Created,
    networks: Object.keys(inspect.NetworkSettings.Networks ?? {}),
    ports: Object.fromEntries(
      Object.entries(inspect.NetworkSettings.Ports ?? {}).map(([port, bindings]) => [
        port,
        ((bindings as { HostIp: string; HostPort: string }[] | null) ?? []).map((b) => ({
          host_ip: b.HostIp,
          host_port: b.HostPort,
        })),
      ]),
    ),
    mounts: inspect.Mounts.map((m) => ({
      type: m.Type ?? "",
      source: m.Name ?? m.Source,
      destination: m.Destination,
      rw: m.RW,
    })),
    health: inspect.State.Health?.Status ?? null,
  };
}

/** An OCI image may have no configuration; some Engines return null then. */
export const imageLabelsOf = ({
  Config,
}: Pick<ImageInspectInfo, "Config">): Readonly<Record<string, string>> =>
  (Config as Partial<ImageInspectInfo["Config"]> | null | undefined)?.Labels ?? {};

export function describeImage(inspect: ImageInspectInfo): ImagePayload {
  return {
    id: inspect.Id,
    short_id: shortDigest(inspect.Id),
    tags: (inspect.RepoTags ?? []).filter((name) => !name.includes("@")), // containerd's store lists digests too
    digests: inspect.RepoDigests ?? [],
    labels: imageLabelsOf(inspect),
    created: inspect.Created,
    size: inspect.Size,
  };
}

/** Describes an image of which only the registry's digest is known. */
export function describeRemoteImage(reference: string, repository: string, digest: string): ImagePayload {
  return {
    id: digest,
    short_id: shortDigest(digest),
    tags: [reference],
    digests: [`${repository}@${digest}`],
    labels: null,
    created: null,
    size: null,
  };
}
