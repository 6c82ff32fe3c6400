// What the Engine did with a container lately. It remembers 256 events, and none of before its own start. Engine API: SystemEvents.
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { type Engine, statusOf } from "../../../shared/engine.ts";

/** `kill`: it was sent a signal. */
export type Action = "start" | "kill" | "die";

/**
 * Oldest first; `since` in milliseconds since 1970 by the Engine's clock, which shows `now`. None where a proxy in between
 * lets none through.
 */
export async function actionsOn(
  engine: Engine,
  id: string,
  since: (now: number) => number,
): Promise<Action[]> {
  const found = await eventsOf(engine, id, { since, actions: ["start", "kill", "die"] });
  return found.map(({ Action }) => Action as Action);
}

interface Event {
  readonly Action: string;
  readonly timeNano: number;
}

interface EventRequest {
  readonly since: (now: number) => number;
  readonly actions: readonly string[];
}

async function eventsOf({ docker }: Engine, id: string, { since, actions }: EventRequest): Promise<Event[]> {
  const filters = { type: ["container" as const], container: [id], event: [...actions] };
  const found: Event[] = [];
  try {
    const { SystemTime } = (await docker.info()) as { SystemTime: string }; // not this process's clock
    const now = Date.parse(SystemTime);
    const span = { since: since(now) / 1000, until: now / 1000 };
    const events = (await docker.getEvents({ ...span, filters })) as unknown as Readable;
    for await (const line of createInterface({ input: events }))
      if (line !== "") found.push(JSON.parse(line) as Event);
  } catch (error) {
    if (statusOf(error) !== 403) throw error;
  }
  return found;
}

const COPIED = "extract-to-dir";

/**
 * When something was copied into it last before its first start, or when it was `created` where nothing was; undefined
 * where the Engine does not remember, or does not tell of copies at all: podman.
 */
export async function lastCopyInto(engine: Engine, id: string, created: number): Promise<number | undefined> {
  if (engine.store === "podman") return undefined;
  const since = () => created - 1000;
  const all = await eventsOf(engine, id, { since, actions: ["create", COPIED, "start"] });
  const start = all.findIndex(({ Action }) => Action === "start");
  if (all[0]?.Action !== "create" || start < 0) return undefined;
  const copy = all.slice(0, start).findLast(({ Action }) => Action === COPIED);
  return copy === undefined ? created : copy.timeNano / 1e6;
}
