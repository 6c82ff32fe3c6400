// Starting a container that was stopped, once; start-patiently.ts tries again. Engine API: ContainerStart.
import type { Clock } from "../../../shared/clock.ts";
import { ALREADY_SO, type Engine, GONE, ifThere, statusOf, tolerating } from "../../../shared/engine.ts";
import { letStopEnd } from "./stop-container.ts";

interface OnEngine {
  readonly engine: Engine;
  readonly clock: Clock;
}

/** One that is gone has nothing to start; one whose namespace parent is gone cannot be. */
export async function startUnlessGone(it: OnEngine, id: string): Promise<void> {
  try {
    await tolerating([ALREADY_SO], it.engine.docker.getContainer(id).start());
  } catch (error) {
    if (statusOf(error) !== GONE || !(await isGone(it, id))) throw error;
  }
}

const GONE_WITHIN_MS = 2000;
const LOOK_EVERY_MS = 100;

/** One that is being removed is found no more by some calls, and still by others. */
export async function isGone({ engine, clock }: OnEngine, id: string): Promise<boolean> {
  for (let waited = 0; waited < GONE_WITHIN_MS; waited += LOOK_EVERY_MS) {
    if ((await ifThere(engine.docker.getContainer(id).inspect())) === undefined) return true;
    await clock.sleep(LOOK_EVERY_MS);
  }
  return false;
}

/** One that is gone has nothing to start. */
export async function startStopped({ engine, clock }: OnEngine, id: string): Promise<void> {
  const inspect = await ifThere(engine.docker.getContainer(id).inspect());
  if (inspect === undefined) return;
  await letStopEnd({ engine, clock }, inspect);
  await startUnlessGone({ engine, clock }, id);
}
