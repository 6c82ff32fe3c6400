// What the owner of a container put in its place while it was updated.
// Compose takes the successor that waits beside the running old container for a second instance of the service: `up` removes
// one of the two, and starts the other where it does not run. Where it kept the successor, that is the container now.
import { type Engine, ifThere } from "../../../shared/engine.ts";
import type { Clock } from "../../../shared/clock.ts";
import type { ContainerDocument } from "../create/inspect.ts";

const LEFT_TO_COMPOSE_MS = 10_000;
const LOOK_EVERY_MS = 100;

const PROJECT = "com.docker.compose.project";
const SAME_SERVICE = [PROJECT, "com.docker.compose.service", "com.docker.compose.container-number"];

interface AdoptionContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly name: string;
  readonly old: ContainerDocument;
  /** The old container made again. */
  readonly restored?: string;
  readonly successor: string | undefined;
}

/**
 * Somebody removed the old container and started the successor, which the updater had not. Compose starts what it created
 * or kept after all services of its project are there, so this waits a while.
 */
export async function isAdopted(swap: AdoptionContext, successor: string): Promise<boolean> {
  const { engine, clock, name, old, restored } = swap;
  const inspect = (id: string) => ifThere(engine.docker.getContainer(id).inspect());
  if (restored !== undefined || (await inspect(old.Id)) !== undefined) return false;
  const labels = old.Config.Labels ?? {};
  const patience = SAME_SERVICE.every((key) => key in labels) ? LEFT_TO_COMPOSE_MS : 0;
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const found = await inspect(successor);
    if (found === undefined || found.State.Running) return found !== undefined;
    if (waited >= patience || (await inspect(name)) !== undefined) return false;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/**
 * What somebody put in the old container's place after removing it: a container that bears its name, or that compose
 * made for the same service and number and has yet to name. Undefined while the old one is there.
 */
export async function replacementOf({
  engine,
  old,
  name,
  ...made
}: Omit<AdoptionContext, "clock">): Promise<string | undefined> {
  if ((await ifThere(engine.docker.getContainer(old.Id).inspect())) !== undefined) return undefined;
  const labels = old.Config.Labels ?? {};
  const others = (await engine.docker.listContainers({ all: true })).filter(
    ({ Id }) => ![made.successor, made.restored].includes(Id),
  );
  const inItsPlace =
    others.find(({ Names }) => Names.includes(`/${name}`)) ??
    others.find(({ Labels }) => SAME_SERVICE.every((key) => key in labels && Labels[key] === labels[key]));
  return inItsPlace?.Id;
}
