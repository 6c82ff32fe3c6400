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
  { docker }: Engine,
  id: string,
  since: (now: number) => number,
): Promise<Action[]> {
  const filters = { type: ["container" as const], container: [id], event: ["start", "kill", "die"] };
  const actions: Action[] = [];
  try {
    const { SystemTime } = (await docker.info()) as { SystemTime: string }; // not this process's clock
    const now = Date.parse(SystemTime);
    const span = { since: since(now) / 1000, until: now / 1000 };
    const events = (await docker.getEvents({ ...span, filters })) as unknown as Readable;
    for await (const line of createInterface({ input: events }))
      if (line !== "") actions.push((JSON.parse(line) as { Action: Action }).Action);
  } catch (error) {
    if (statusOf(error) !== 403) throw error;
  }
  return actions;
}
