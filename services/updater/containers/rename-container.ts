// Renames and removes containers while others may do the same. Engine API: ContainerRename, -Delete.
import type { Clock } from "../../../shared/clock.ts";
import {
  CONFLICT,
  type Engine,
  NOT_FOUND,
  ifExists,
  isBetweenRestarts,
  statusOf,
} from "../../../shared/docker/engine.ts";

/** A container in a crash loop is between two restarts for a moment, again and again. */
const MOST_RESTARTS = 20;

/** Succeeds if the container is gone or already has the name. */
export async function renameContainer(engine: Engine, id: string, name: string): Promise<void> {
  const container = engine.docker.getContainer(id);
  for (let tries = 1; ; tries++)
    try {
      await container.rename({ name });
      return;
    } catch (error) {
      const inspect = await ifExists(container.inspect());
      if (inspect === undefined || inspect.Name === `/${name}`) return;
      if (!isBetweenRestarts(error) || tries === MOST_RESTARTS) throw error;
    }
}

const REMOVED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 100;

interface RemoveContext {
  readonly engine: Engine;
  readonly clock: Clock;
}

/** Succeeds if the container is gone; waits if somebody else is removing it. */
export async function removeContainer(
  { engine, clock }: RemoveContext,
  id: string,
  options: { readonly v: boolean },
): Promise<void> {
  const container = engine.docker.getContainer(id);
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    try {
      await container.remove({ force: true, v: options.v });
      return;
    } catch (error) {
      if (statusOf(error) === NOT_FOUND) return;
      if (statusOf(error) !== CONFLICT || waited >= REMOVED_WITHIN_MS) throw error;
      if ((await ifExists(container.inspect())) === undefined) return;
    }
    await clock.sleep(LOOK_EVERY_MS);
  }
}
