// Parses a plan for the updater. Of a plan it trusts only names, ids and digests; it derives itself what to pull.
import * as z from "zod";
import { Permanent } from "../../../shared/errors.ts";
import { type Locals, type Mode, dataSchema } from "../../../shared/contract/hooks.ts";
import { isTag } from "../../../shared/registry/choose-tag.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { CloudEvent, parseJson } from "../../../shared/contract/messages.ts";
import { lookUp } from "../../../shared/look-up.ts";
import { digestsIn } from "../../../shared/registry/provenance.ts";
import type {
  ContainerPayload,
  ImagePayload,
  ServicePayload,
  Updateable,
} from "../../../shared/contract/payloads.ts";
import type { EventContext } from "../../../shared/contract/hooks.ts";

export interface PlannedContainer {
  readonly name: string;
  readonly id: string;
  readonly imageId: string;
  /** The image reference that it had. */
  readonly reference: string;
  /** The tag that its tag policy has chosen, where that is another. */
  readonly tag?: string;
  /** The registry's digest; for a rollback, that of the image that it leads away from. */
  readonly digest: string;
  readonly latest: ImagePayload;
  /** It is a service of the swarm. */
  readonly isService: boolean;
  /** The digest that the tag names, where the plan chose an older one. */
  readonly passedOver?: string;
}

export interface Plan {
  /** Id of the plan's event. */
  readonly event: string;
  readonly run: string;
  readonly engineId: string;
  readonly mode: Mode;
  readonly reason: string;
  /** The operator asked for the image before. What the plan says about which image that is does not count. */
  readonly rollback: boolean;
  readonly containers: readonly PlannedContainer[];
  readonly locals: Locals<"updates_enumerated">;
  /** Its event, as the poller published it. */
  readonly text: string;
  /** Server time, milliseconds. */
  readonly publishedAt: number;
  /** Server time, milliseconds, when the updater took the plan. */
  readonly takenAt: number;
}

const RunId = z.string().regex(/^[0-9a-z]{1,64}$/, "a run id is made of 0-9 and a-z");

/** @throws Permanent if the plan cannot be understood or its event id is not that of its run. */
export function parsePlan(
  text: string,
  { publishedAt, takenAt }: Pick<Plan, "publishedAt" | "takenAt">,
): Plan {
  const event = CloudEvent.safeParse(parseJson(text));
  const data = dataSchema("updates_enumerated").extend({ run: RunId }).safeParse(event.data?.data);
  if (!event.success || !data.success)
    throw new Permanent("a plan that cannot be understood", { cause: event.error ?? data.error });
  const locals = data.data as unknown as Locals<"updates_enumerated"> & EventContext;
  const { engine_id, run, mode, reason, rollback = false } = locals;
  if (event.data.id !== `${run}-updates_enumerated`)
    throw new Permanent(`the plan's event id ${event.data.id} does not belong to its run ${run}`);
  return {
    event: event.data.id,
    run,
    engineId: engine_id,
    mode,
    reason,
    rollback,
    locals,
    text,
    publishedAt,
    takenAt,
    containers: plannedContainers(locals),
  };
}

function plannedContainers({
  updateable,
  updateable_services: services = [],
  rollback = false,
  passed_over,
}: Locals<"updates_enumerated"> & EventContext): PlannedContainer[] {
  const planned = (
    workload: ContainerPayload | ServicePayload,
    { current_image: current, latest_image: latest, tag }: Omit<Updateable, "container">,
  ): PlannedContainer => ({
    name: workload.name,
    id: workload.id,
    imageId: workload.image_id,
    reference: workload.image,
    ...(tag !== undefined && isTag(tag.to) && { tag: tag.to }),
    digest: digestOf(rollback ? current : latest, workload.image),
    latest,
    isService: "mode" in workload,
    ...passedOverOf(workload.name, passed_over, tag),
  });
  return [
    ...updateable.map((update) => planned(update.container, update)),
    ...services.map((update) => planned(update.service, update)),
  ];
}

function passedOverOf(
  name: string,
  all: EventContext["passed_over"],
  tag: Updateable["tag"],
): Pick<PlannedContainer, "passedOver"> {
  const passedOver = tag === undefined ? lookUp(all, name) : tag.on_tag;
  return passedOver === undefined ? {} : { passedOver };
}

/** The digest in the container's repository, if there is one. */
function digestOf({ digests, id }: ImagePayload, reference: string): string {
  const ref = parseImageRef(reference);
  return (ref && digestsIn(digests, ref)[0]) ?? digests[0]?.split("@")[1] ?? id;
}
