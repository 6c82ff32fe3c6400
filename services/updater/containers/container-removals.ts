// Who removed a container: a prune tells the Engine's events that it was one. They are few and may be forgotten; then it counts as
// a prune's, since a container too many is better than one lost (docs/decisions/0043-…).
import type { Clock } from "../../../shared/clock.ts";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { type Removal, listRemovals } from "./container-events.ts";

/** A prune removes one container after the other, and says at the end that it was one. */
const APART_MS = 3000;
const LOOK_EVERY_MS = 200;

/** Pure. Undefined where more may be to come: who looks at once may see the prune before its end. */
export function wasRemovedByOwner(
  removals: readonly Removal[],
  id: string,
  now: number,
): boolean | undefined {
  const index = removals.findIndex((one) => one.id === id);
  if (index < 0) return false;
  let last = removals[index]?.at ?? 0;
  for (const { at, isPrune } of removals.slice(index + 1)) {
    if (at - last > APART_MS) return true;
    if (isPrune) return false;
    last = at;
  }
  return now - last > APART_MS ? true : undefined;
}

/** Somebody asked for the removal of this one container. */
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

/** A prune is known to have taken it. */
export async function isPruned(engine: Engine, id: string): Promise<boolean> {
  const { removals, now } = await listRemovals(engine);
  return removals.some((one) => one.id === id) && wasRemovedByOwner(removals, id, now) === false;
}
