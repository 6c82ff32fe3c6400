// The plan as the updater takes it. It trusts nothing in it but names, ids and digests: what to pull it derives itself.
import { z } from "zod";
import { Permanent } from "../../../shared/errors.ts";
import { type Locals, type Mode, dataSchema } from "../../../shared/contract/hooks.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { CloudEvent, parseJson } from "../../../shared/contract/messages.ts";
import { digestsIn } from "../../../shared/registry/provenance.ts";
import type { ImagePayload } from "../../../shared/contract/payloads.ts";
import type { EventContext } from "../../../shared/contract/hooks.ts";

export interface PlannedContainer {
  readonly name: string;
  readonly id: string;
  readonly imageId: string;
  /** Registry's digest; with a rollback that of the image it leads away from. */
  readonly digest: string;
  readonly latest: ImagePayload;
}

export interface Plan {
  /** Id of its event. */
  readonly event: string;
  readonly run: string;
  readonly engineId: string;
  readonly mode: Mode;
  readonly reason: string;
  /** The operator asked for the image before; the plan's word for which one that is does not count. */
  readonly rollback: boolean;
  readonly containers: readonly PlannedContainer[];
  readonly locals: Locals<"updates_enumerated">;
  /** Server time, milliseconds. */
  readonly publishedAt: number;
  /** The same clock's, when the updater took it. */
  readonly takenAt: number;
}

const RunId = z.string().regex(/^[0-9a-z]{1,64}$/, "a run id is made of 0-9 and a-z");

/** @throws Permanent where it cannot be understood or its event id is not its run's. */
export function parsePlan(
  text: string,
  { publishedAt, takenAt }: Pick<Plan, "publishedAt" | "takenAt">,
): Plan {
  const event = CloudEvent.safeParse(parseJson(text));
  const data = dataSchema("updates_enumerated").extend({ run: RunId }).safeParse(event.data?.data);
  if (!event.success || !data.success)
    throw new Permanent("a plan that cannot be understood", { cause: event.error ?? data.error });
  const {
    updateable,
    engine_id,
    run,
    mode,
    reason,
    rollback = false,
  } = data.data as unknown as Locals<"updates_enumerated"> & EventContext;
  if (event.data.id !== `${run}-updates_enumerated`)
    throw new Permanent(`the plan's event id ${event.data.id} does not belong to its run ${run}`);
  return {
    event: event.data.id,
    run,
    engineId: engine_id,
    mode,
    reason,
    rollback,
    locals: data.data as unknown as Locals<"updates_enumerated">,
    publishedAt,
    takenAt,
    containers: updateable.map(({ container, current_image: current, latest_image: latest }) => ({
      name: container.name,
      id: container.id,
      imageId: container.image_id,
      digest: digestOf(rollback ? current : latest, container.image),
      latest,
    })),
  };
}

/** In the container's repository, where there is one. */
function digestOf({ digests, id }: ImagePayload, reference: string): string {
  const ref = parseImageRef(reference);
  return (ref && digestsIn(digests, ref)[0]) ?? digests[0]?.split("@")[1] ?? id;
}
