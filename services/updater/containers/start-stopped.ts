// Starting a container that was stopped, once; start-with-retries.ts tries again. Engine API: ContainerStart.
import type { Clock } from "../../../shared/clock.ts";
import {
  NOT_MODIFIED,
  type Engine,
  NOT_FOUND,
  ifExists,
  statusOf,
  ignoreStatuses,
} from "../../../shared/docker/engine.ts";
import { awaitPendingStop } from "./stop-container.ts";

interface EngineAccess {
  readonly engine: Engine;
  readonly clock: Clock;
}

/** One that is gone has nothing to start; one whose namespace parent is gone cannot be. */
export async function startUnlessGone(it: EngineAccess, id: string): Promise<void> {
  try {
    await ignoreStatuses([NOT_MODIFIED], it.engine.docker.getContainer(id).start());
  } catch (error) {
    if (statusOf(error) !== NOT_FOUND || !(await isContainerGone(it, id))) throw error;
  }
}

const GONE_WITHIN_MS = 2000;
const LOOK_EVERY_MS = 100;

/** One that is being removed is found no more by some calls, and still by others. */
export async function isContainerGone({ engine, clock }: EngineAccess, id: string): Promise<boolean> {
  for (let waited = 0; waited < GONE_WITHIN_MS; waited += LOOK_EVERY_MS) {
    if ((await ifExists(engine.docker.getContainer(id).inspect())) === undefined) return true;
    await clock.sleep(LOOK_EVERY_MS);
  }
  return false;
}

/** One that is gone has nothing to start. */
export async function startStopped({ engine, clock }: EngineAccess, id: string): Promise<void> {
  const inspect = await ifExists(engine.docker.getContainer(id).inspect());
  if (inspect === undefined) return;
  await awaitPendingStop({ engine, clock }, inspect);
  await startUnlessGone({ engine, clock }, id);
}
