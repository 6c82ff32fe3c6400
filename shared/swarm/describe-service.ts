// Describes a service for events. Its environment is never included, because it holds secrets. Pure.
import type { ImagePayload, ServicePayload } from "../contract/payloads.ts";
import { describeRemoteImage } from "../containers/payloads-from-engine.ts";
import { parseImageRef } from "../registry/image-ref.ts";
import { type ServiceDocument, digestOfImage, imageOfService } from "./service-document.ts";
import { readServiceFacts, referenceOf } from "./service-facts.ts";

export function describeService(service: ServiceDocument): ServicePayload {
  const { ID, Spec, Version, CreatedAt, Endpoint, UpdateStatus } = service;
  const { mode, replicas, image } = readServiceFacts(service, { isOwn: false });
  return {
    id: ID,
    short_id: ID.slice(0, 10),
    name: Spec.Name,
    mode,
    replicas,
    image: referenceOf(image),
    image_id: digestOfImage(image) ?? "",
    version: Version.Index,
    update_status:
      UpdateStatus?.State === undefined
        ? null
        : { state: UpdateStatus.State, message: UpdateStatus.Message ?? "" },
    labels: Spec.Labels ?? {},
    created: CreatedAt,
    ports: (Endpoint?.Ports ?? []).map(({ Protocol = "tcp", TargetPort, PublishedPort }) => ({
      protocol: Protocol,
      target: TargetPort,
      published: PublishedPort ?? null,
    })),
  };
}

/** The image of a service's spec. Its tag and digest are all that the spec tells. */
export function describeServiceImage({ Spec }: Pick<ServiceDocument, "Spec">): ImagePayload {
  const image = imageOfService(Spec);
  const ref = parseImageRef(image);
  return describeRemoteImage(referenceOf(image), ref?.name ?? "", digestOfImage(image) ?? "");
}
