// Starts a stopped container, in one try; swap/start-with-retries.ts repeats it. Engine API: ContainerStart.
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

/** Succeeds if the container is gone. A NOT_FOUND for its namespace parent throws. */
export async function startUnlessGone(context: EngineAccess, id: string): Promise<void> {
  try {
    await ignoreStatuses([NOT_MODIFIED], context.engine.docker.getContainer(id).start());
  } catch (error) {
    if (statusOf(error) !== NOT_FOUND || !(await isContainerGone(context, id))) throw error;
  }
}

const GONE_WITHIN_MS = 2000;
const LOOK_EVERY_MS = 100;

/** Some calls still find a container that is being removed, and others do not. */
export async function isContainerGone({ engine, clock }: EngineAccess, id: string): Promise<boolean> {
  for (let waited = 0; waited < GONE_WITHIN_MS; waited += LOOK_EVERY_MS) {
    if ((await ifExists(engine.docker.getContainer(id).inspect())) === undefined) return true;
    await clock.sleep(LOOK_EVERY_MS);
  }
  return false;
}

/** Lets a pending stop end first. Succeeds if the container is gone. */
export async function startStopped({ engine, clock }: EngineAccess, id: string): Promise<void> {
  const inspect = await ifExists(engine.docker.getContainer(id).inspect());
  if (inspect === undefined) return;
  await awaitPendingStop({ engine, clock }, inspect);
  await startUnlessGone({ engine, clock }, id);
}
