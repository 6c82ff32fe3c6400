// Builds the create request for a container's successor. Pure; it never edits its input. The rules are in
// create-config.ts, create-host-config.ts (with volumes) and create-networks.ts. Engine API: ContainerCreate.
import { configFrom } from "./create-config.ts";
import { hostConfigFrom } from "./create-host-config.ts";
import { type Endpoints, endpointsFrom } from "./create-networks.ts";
import type { ImageDocument, Recreation } from "./inspect.ts";

export interface CreateOptions {
  /** Body of POST /containers/create. `Image` is the reference: a container created by id has no tag to follow. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly endpoints: Endpoints;
}

export function createOptionsFrom(recreation: Recreation): CreateOptions {
  const endpoints = endpointsFrom(recreation);
  const body = {
    ...configFrom(recreation),
    HostConfig: hostConfigFrom(recreation),
    ...(Object.keys(endpoints.atCreate).length > 0 && {
      NetworkingConfig: { EndpointsConfig: endpoints.atCreate },
    }),
  };
  return { body: structuredClone(body), endpoints };
}

/** `os/arch[/variant]` if the image is not of the Engine's own platform; else undefined. */
export function platformOf(
  image: ImageDocument,
  engine: { readonly os: string; readonly arch: string },
): string | undefined {
  if (!image.Os || !image.Architecture || (image.Os === engine.os && image.Architecture === engine.arch))
    return undefined;
  return [image.Os, image.Architecture, ...(image.Variant ? [image.Variant] : [])].join("/");
}
