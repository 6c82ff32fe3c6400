// Tells whether the owner or a prune removed a container: a prune leaves an event of its own. The Engine keeps few
// events and may have forgotten it. Then the removal counts as a prune, since a container too many is better than a
// lost one (docs/decisions/0044-…).
import type { Clock } from "../../../shared/clock.ts";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { type Removal, listRemovals } from "./container-events.ts";

/** A prune removes one container after the other; the prune event comes at the end. */
const APART_MS = 3000;
const LOOK_EVERY_MS = 200;

/** Pure. Undefined if more events may follow: the prune may not be over yet. */
export function wasRemovedByOwner(
  removals: readonly Removal[],
  id: string,
  now: number,
): boolean | undefined {
  const index = removals.findIndex((removal) => removal.id === id);
  if (index < 0) return false;
  let last = removals[index]?.at ?? 0;
  for (const { at, isPrune } of removals.slice(index + 1)) {
    if (at - last > APART_MS) return true;
    if (isPrune) return false;
    last = at;
  }
  return now - last > APART_MS ? true : undefined;
}

/** Did somebody remove this very container, not a prune? */
export async function isRemovedByOwner(engine: Engine, clock: Clock, id: string): Promise<boolean> {
  if ((await ifExists(engine.docker.getContainer(id).inspect())) !== undefined) return false;
  const began = clock.monotonic();
  for (;;) {
    const { removals, now } = await listRemovals(engine);
    const isOwners = wasRemovedByOwner(removals, id, now);
    if (isOwners !== undefined) return isOwners;
    if (clock.monotonic() - began > APART_MS) return true; // the Engine's clock was set back
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** Is it known that a prune removed it? */
export async function isPruned(engine: Engine, id: string): Promise<boolean> {
  const { removals, now } = await listRemovals(engine);
  return removals.some((removal) => removal.id === id) && wasRemovedByOwner(removals, id, now) === false;
}
