// Finishes an update that an earlier process committed before it ended: the old container is gone, the new one stays.
// The steps after the commit are made up for, so that no hook and no image is forgotten; what is recorded is not done
// again.
import { ifExists } from "../../../shared/docker/engine.ts";
import { getLastMessage, retryUntilAnswered } from "../../../shared/nats/jetstream.ts";
import { CloudEvent, parseEventData, parseJson } from "../../../shared/contract/messages.ts";
import { isOwnPart } from "../../../shared/containers/self-update-policy.ts";
import { STREAMS, eventId, subjects } from "../../../shared/contract/subjects.ts";
import { describeChange } from "../journal/recorded-change.ts";
import { cleanUpImage } from "./image-cleanup.ts";
import { finishContainer } from "./finish-container.ts";
import { askAfterCleanup } from "./replace-hooks.ts";
import type { UpdateEntry, Run } from "../updater.ts";
import type { CommittedEntry } from "./revalidate-plan.ts";

export async function finishCommittedUpdate(run: Run, { entry, from }: CommittedEntry): Promise<void> {
  const { name, imageId: to } = entry.facts;
  if (isOwnPart(entry.facts, run.bus.host)) await repeatAfterCleanup(run, entry);
  const images = run.bus.host.engine.docker;
  const [oldImage, newImage] = await Promise.all(
    [from, to].map((id) => ifExists(images.getImage(id).inspect())),
  );
  const areImagesKnown = oldImage !== undefined && newImage !== undefined;
  if (areImagesKnown)
    await cleanUpImage(run, { name, oldImage, newImage, old: { Config: { Image: entry.reference } } });
  await finishContainer(run, entry, {
    end: "updated",
    because: isVerified(run, name)
      ? "the new container proved itself"
      : "the old container was removed meanwhile; the new one is all there is, and has not proved itself",
    by: "updater",
    ...(areImagesKnown ? describeChange(oldImage, newImage, entry.facts.reference) : { from, to }),
  });
}

/** If false, the swap was never committed: the old container was removed while no updater watched. */
const isVerified = ({ journal }: Run, name: string): boolean =>
  journal.recordsOf("swapped").some(({ container }) => container === name);

/** The old container can no longer be inspected, so the two are described as they were at before_self_cleanup. */
async function repeatAfterCleanup(run: Run, { facts: { name } }: UpdateEntry): Promise<void> {
  const { bus, journal } = run;
  const hook = "before_self_cleanup";
  const event = eventId(journal.run, hook, name);
  if ((journal.findDecision(event)?.verdict ?? "proceed") !== "proceed") return; // the old container was kept
  const subject = subjects.hook({ host: bus.host.name, hook, container: name, event });
  const message = await retryUntilAnswered(bus, () => getLastMessage(bus.manager, STREAMS.hooks, subject));
  const earlierEvent = CloudEvent.safeParse(parseJson(message?.string() ?? ""));
  if (!earlierEvent.success) return;
  const { old_container, new_container } = parseEventData(hook, earlierEvent.data);
  await askAfterCleanup(run, name, { old_container, new_container });
}
