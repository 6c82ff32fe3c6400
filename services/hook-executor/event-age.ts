// How old an event is by our clock, whatever the server's clock says.
import type { JetStreamManager } from "@nats-io/jetstream";
import type { Clock } from "../../shared/clock.ts";
import { EVENT_LIFE_MS } from "../../shared/contract/messages.ts";
import { STREAMS } from "../../shared/contract/subjects.ts";
import { getServerTime } from "../../shared/nats/jetstream.ts";
import type { HookEvent } from "./hook-event.ts";

/** Below this difference the server's time stamp and our clock agree well enough. */
const CLOCKS_AGREE_MS = 60_000;
export const isTooOld = (event: HookEvent, clock: Clock): boolean =>
  clock.now() - event.storedAt > EVENT_LIFE_MS;

/** Dates the event by our clock. If it seems old, or from the future, the server's clock decides how old it is. */
export async function dateByOurClock(
  event: HookEvent,
  durable: string,
  manager: JetStreamManager,
  clock: Clock,
): Promise<HookEvent> {
  if (Math.abs(clock.now() - event.storedAt) < CLOCKS_AGREE_MS) return event;
  const now = (await getServerTime(manager, STREAMS.hooks, durable)) ?? clock.now();
  return { ...event, storedAt: clock.now() - (now - event.storedAt) };
}
