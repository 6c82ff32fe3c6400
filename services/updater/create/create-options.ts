// The create request for a container's successor. Pure, and never edits its input. The rules stand in the three
// neighbours: config, host config with volumes, networks. Engine API: ContainerCreate.
import { configFrom } from "./create-config.ts";
import { hostConfigFrom } from "./create-host-config.ts";
import { type Endpoints, endpointsFrom } from "./create-networks.ts";
import type { ImageDocument, Recreation } from "./inspect.ts";

export interface CreateOptions {
  /** Body of POST /containers/create. `Image` is the reference, never an id: by an id it could never be updated again. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly endpoints: Endpoints;
}

export function createOptionsFrom(it: Recreation): CreateOptions {
  const endpoints = endpointsFrom(it);
  const body = {
    ...configFrom(it),
    HostConfig: hostConfigFrom(it),
    ...(Object.keys(endpoints.atCreate).length > 0 && {
      NetworkingConfig: { EndpointsConfig: endpoints.atCreate },
    }),
  };
  return { body: structuredClone(body), endpoints };
}

/** `os/arch[/variant]` where the image is not of the Engine's own platform; undefined where it is. */
export function platformOf(
  image: ImageDocument,
  engine: { readonly os: string; readonly arch: string },
): string | undefined {
  if (!image.Os || !image.Architecture || (image.Os === engine.os && image.Architecture === engine.arch))
    return undefined;
  return [image.Os, image.Architecture, ...(image.Variant ? [image.Variant] : [])].join("/");
}
