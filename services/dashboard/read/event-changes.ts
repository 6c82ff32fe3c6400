// What a pending event is about, from the event itself: which images are to be replaced by which.
import type { JetStreamManager } from "@nats-io/jetstream";
import * as z from "zod";
import type { Logger } from "pino";
import { CloudEvent, parseJson } from "../../../shared/contract/messages.ts";
import type { RunRecord } from "../../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import { explain } from "../../../shared/errors.ts";
import { getLastMessage } from "../../../shared/nats/jetstream.ts";
import { readImageVersion, shortId } from "../../../shared/registry/image-change.ts";
import type { PlannedChange } from "../model/pending-view.ts";

const Image = z.object({ id: z.string(), labels: z.record(z.string(), z.string()).nullable() });
/** A container, or a service of a swarm. */
const Workload = z.object({ name: z.string(), image: z.string() });
const Images = { old_image: Image, new_image: Image };
const Planned = { current_image: Image, latest_image: Image };
const ChangeInEvent = z.union([
  z
    .object({ old_container: Workload, ...Images })
    .transform((data) => [{ container: data.old_container, from: data.old_image, to: data.new_image }]),
  z
    .object({ service: Workload, ...Images })
    .transform((data) => [{ container: data.service, from: data.old_image, to: data.new_image }]),
  z
    .object({
      updateable: z.array(z.object({ container: Workload, ...Planned })),
      updateable_services: z.array(z.object({ service: Workload, ...Planned })).default([]),
    })
    .transform(({ updateable, updateable_services: services }) =>
      [...updateable, ...services.map((update) => ({ ...update, container: update.service }))].map(
        ({ container, current_image, latest_image }) => ({
          container,
          from: current_image,
          to: latest_image,
        }),
      ),
    ),
]);

const MAX_LISTED = 100;

/** None where the event does not say, or cannot be read. */
export async function readPlannedChanges(
  { manager, log }: { readonly manager: JetStreamManager; readonly log: Logger },
  record: RunRecord | undefined,
): Promise<readonly PlannedChange[]> {
  if (record?.kind !== "waiting" || record.participants.length === 0) return [];
  try {
    const message = await getLastMessage(manager, STREAMS.hooks, subjects.hook(record));
    return plannedChangesIn(message?.string() ?? "");
  } catch (error) {
    log.debug({ event: record.event, because: explain(error) }, "the event could not be read");
    return [];
  }
}

/** Pure. */
export function plannedChangesIn(text: string): readonly PlannedChange[] {
  const event = CloudEvent.safeParse(parseJson(text)).data;
  const found = ChangeInEvent.safeParse(event?.data).data ?? [];
  return found.slice(0, MAX_LISTED).map(({ container, from, to }) => ({
    container: container.name,
    image: container.image,
    from: readImageVersion(from.labels) ?? shortId(from.id),
    to: readImageVersion(to.labels) ?? shortId(to.id),
  }));
}
