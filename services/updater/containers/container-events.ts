// Reads the recent events of containers. The Engine keeps 256 events, and none from before its own start.
// Engine API: SystemEvents.
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { type Engine, statusOf } from "../../../shared/docker/engine.ts";

/** `kill`: the Engine sent it a signal. */
export type ContainerAction = "start" | "kill" | "die";

/**
 * Oldest first. `since` gets the Engine's clock and returns the start, both in milliseconds since 1970. Empty if a
 * proxy before the Engine denies events.
 */
export async function listActions(
  engine: Engine,
  id: string,
  since: (now: number) => number,
): Promise<ContainerAction[]> {
  const wanted = { container: [id], event: ["start", "kill", "die"] };
  const { events } = await readEvents(engine, since, wanted);
  return events.map(({ Action: action }) => action as ContainerAction);
}

export interface Removal {
  /** Empty for a prune event, which means that the prune made the removals before it. */
  readonly id: string;
  readonly isPrune: boolean;
  /** Milliseconds since 1970, by the Engine's clock. */
  readonly at: number;
}

/** All removals that the Engine remembers, oldest first, and the time of its clock. */
export async function listRemovals(
  engine: Engine,
): Promise<{ readonly removals: readonly Removal[]; readonly now: number }> {
  const { events, now } = await readEvents(engine, () => 0, { event: ["destroy", "prune"] });
  const removals = events.map(({ Action: action, Actor, timeNano }) => ({
    id: Actor?.ID ?? "",
    isPrune: action === "prune",
    at: timeNano / 1e6,
  }));
  return { removals, now };
}

interface Event {
  readonly Action: string;
  readonly Actor?: { readonly ID?: string };
  readonly timeNano: number;
}

async function readEvents(
  { docker }: Engine,
  since: (now: number) => number,
  wanted: Readonly<Record<string, string[]>>,
): Promise<{ readonly events: readonly Event[]; readonly now: number }> {
  const filters = { type: ["container" as const], ...wanted };
  const events: Event[] = [];
  const { SystemTime } = (await docker.info()) as { SystemTime: string }; // not this process's clock
  const now = Date.parse(SystemTime);
  try {
    const span = { since: since(now) / 1000, until: now / 1000 };
    const stream = (await docker.getEvents({ ...span, filters })) as unknown as Readable;
    for await (const line of createInterface({ input: stream }))
      if (line !== "") events.push(JSON.parse(line) as Event);
  } catch (error) {
    if (statusOf(error) !== 403) throw error;
  }
  return { events, now };
}

const COPIED = "extract-to-dir";

/**
 * The time of the last copy into the container before its first start, or `created` if there was none. Undefined if
 * the Engine does not remember, or has no event for copies: podman.
 */
export async function findLastCopyInto(
  engine: Engine,
  id: string,
  created: number,
): Promise<number | undefined> {
  if (engine.store === "podman") return undefined;
  const since = () => created - 1000;
  const wanted = { container: [id], event: ["create", COPIED, "start"] };
  const { events: all } = await readEvents(engine, since, wanted);
  const start = all.findIndex(({ Action }) => Action === "start");
  if (all[0]?.Action !== "create" || start < 0) return undefined;
  const copy = all.slice(0, start).findLast(({ Action }) => Action === COPIED);
  return copy === undefined ? created : copy.timeNano / 1e6;
}
