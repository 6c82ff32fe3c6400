// An update that an earlier process had committed when it ended: the old container is gone, the new one stays. What
// comes after the commit is made up for, so that no hook and no image is forgotten; what is recorded is not done again.
import { ifThere } from "../../../shared/engine.ts";
import { lastOn, untilAnswered } from "../../../shared/jetstream.ts";
import { CloudEvent, dataOf, parseJson } from "../../../shared/messages.ts";
import { isOurs } from "../../../shared/ourselves.ts";
import { STREAMS, eventId, subjects } from "../../../shared/subjects.ts";
import type { ImageDocument } from "../create/inspect.ts";
import { changeOf } from "../journal/change.ts";
import { cleanUp } from "./cleanup.ts";
import { endContainer } from "./ends.ts";
import { askAfterCleanup } from "./replace-hooks.ts";
import type { UpdateEntry, Run } from "../updater.ts";
import type { Committed } from "./what-holds.ts";

export async function finishCommitted(run: Run, { entry, from }: Committed): Promise<void> {
  const { name, imageId: to } = entry.facts;
  if (isOurs(entry.facts, run.bus.host)) await tellCleanup(run, entry);
  const images = run.bus.host.engine.docker;
  const [oldImage, newImage] = (await Promise.all(
    [from, to].map((id) => ifThere(images.getImage(id).inspect())),
  )) as unknown as (ImageDocument | undefined)[];
  const known = oldImage !== undefined && newImage !== undefined;
  if (known)
    await cleanUp(run, { name, oldImage, newImage, old: { Config: { Image: entry.facts.reference } } });
  await endContainer(run, entry, {
    end: "updated",
    because: hasProvedItself(run, name)
      ? "the new container proved itself"
      : "the old container was removed meanwhile; the new one is all there is, and has not proved itself",
    by: "updater",
    ...(known ? changeOf(oldImage, newImage, entry.facts.reference) : { from, to }),
  });
}

/** Who has not was not committed: its old container was removed while no updater looked. */
const hasProvedItself = ({ journal }: Run, name: string): boolean =>
  journal.of("swapped").some(({ container }) => container === name);

/** The old container can be looked at no more: what before_self_cleanup told of the two is told again. */
async function tellCleanup(run: Run, { facts: { name } }: UpdateEntry): Promise<void> {
  const { bus, journal } = run;
  const hook = "before_self_cleanup";
  const event = eventId(journal.run, hook, name);
  if ((journal.decided(event)?.verdict ?? "proceed") !== "proceed") return; // it was kept
  const subject = subjects.hook({ host: bus.host.name, hook, container: name, event });
  const message = await untilAnswered(bus, () => lastOn(bus.manager, STREAMS.hooks, subject));
  const told = CloudEvent.safeParse(parseJson(message?.string() ?? ""));
  if (!told.success) return;
  const { old_container, new_container } = dataOf(hook, told.data);
  await askAfterCleanup(run, name, { old_container, new_container });
}
