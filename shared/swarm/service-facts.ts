// What planning needs to know of a swarm service beside what it shares with a container, and the reasons to leave a
// service alone whatever the registry says. Pure.
import { messageOf, reasonOf } from "../catalogue/entry.ts";
import { skipReasons } from "../catalogue/skip-reasons.ts";
import { serviceReasons } from "../catalogue/swarm-reasons.ts";
import { parseImageRef } from "../registry/image-ref.ts";
import { isYes, labelOf, type Labels } from "../settings/labels.ts";
import {
  type ServiceDocument,
  type ServiceMode,
  digestOfImage,
  imageOfService,
  modeOfService,
} from "./service-document.ts";

export interface ServiceFacts {
  readonly mode: ServiceMode;
  /** How many tasks it is to have; null where the nodes decide. */
  readonly replicas: number | null;
  /** The image in its spec, with the digest. */
  readonly image: string;
  /** Of its last update, whoever asked for it; undefined where it has had none. */
  readonly update?: { readonly state: string; readonly message: string };
  /** This program runs in one of its tasks. */
  readonly isOwn: boolean;
}

export function readServiceFacts(
  { Spec, UpdateStatus }: ServiceDocument,
  { isOwn }: Pick<ServiceFacts, "isOwn">,
): ServiceFacts {
  const mode = modeOfService(Spec);
  return {
    mode,
    replicas: mode === "replicated" ? (Spec.Mode.Replicated?.Replicas ?? 1) : null,
    image: imageOfService(Spec),
    ...(UpdateStatus?.State !== undefined && {
      update: { state: UpdateStatus.State, message: UpdateStatus.Message ?? "" },
    }),
    isOwn,
  };
}

/** Its reference without the digest; as it is where a digest without a tag pins it. */
export const referenceOf = (image: string): string =>
  isPinned(image) ? image : (image.split("@")[0] ?? image);

/** A digest without a tag: `docker service` adds the digest to a tag, so this was its owner's choice. */
function isPinned(image: string): boolean {
  const [name = "", digest] = image.split("@");
  return digest !== undefined && !/:[^/]+$/.test(name);
}

/** As in Ouroboros 1 a service is watched only with the label; unlike there, `false` means no without LABEL_ENABLE too. */
export function whyServiceUnwatched(labels: Labels): string | undefined {
  const label = labelOf(labels, "com.ouroboros.enable");
  if (label === undefined) return reasonOf(serviceReasons.notLabelled);
  return isYes(label) ? undefined : reasonOf(skipReasons.labelSaysNo, { label: "com.ouroboros.enable" });
}

/** Why this service, as it is, must not be updated; undefined where nothing prevents it. */
export function whyServiceSkipped(
  { mode, replicas, image, update, isOwn }: ServiceFacts,
  name: string,
): string | undefined {
  const message = update?.message ?? "";
  if (isOwn) return reasonOf(serviceReasons.ours);
  if (mode === "replicated-job" || mode === "global-job") return reasonOf(serviceReasons.job);
  if (parseImageRef(image) === undefined) return reasonOf(skipReasons.noTag);
  if (isPinned(image)) return reasonOf(skipReasons.pinned);
  if (digestOfImage(image) === undefined) return messageOf(serviceReasons.noDigest, { name, image });
  if (replicas === 0) return reasonOf(serviceReasons.noReplicas);
  if (update?.state === "updating" || update?.state === "rollback_started")
    return reasonOf(serviceReasons.busy);
  if (update?.state === "paused" || update?.state === "rollback_paused")
    return messageOf(serviceReasons.paused, { name, message });
  return undefined;
}
