// Tells of containers that start and that no cycle has seen running, and with SWARM of new services. It follows the
// Engine's events, which cost nothing while none come. Where the stream ends, as with a restart of the Engine, it
// is opened again, and what came meanwhile counts as new. Engine API: SystemEvents.
import type { Readable } from "node:stream";
import { parseJson } from "../../shared/contract/messages.ts";
import { linesOf } from "../../shared/docker/engine-events.ts";
import { statusOf } from "../../shared/docker/engine.ts";
import { explain } from "../../shared/errors.ts";
import { Backoff } from "../../shared/retry.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import * as z from "zod";
import type { Polling } from "./polling.ts";

const EngineEvent = z.object({
  Type: z.enum(["container", "service"]),
  Action: z.string(),
  Actor: z.object({ ID: z.string() }),
});

const PAUSES = { first: 500, most: 30_000 };
const FORBIDDEN = 403;

/** `appeared` is called once for each; it must not be slow. */
export function followAppearances(
  polling: Pick<Polling, "host" | "settings" | "clock" | "signal" | "log" | "seen">,
  appeared: () => void,
): Disposable {
  const disposed = new AbortController();
  const signal = AbortSignal.any([polling.signal, disposed.signal]);
  void follow({ ...polling, signal }, appeared);
  return { [Symbol.dispose]: () => disposed.abort() };
}

async function follow(
  { host, settings, clock, signal, log, seen }: Parameters<typeof followAppearances>[0],
  appeared: () => void,
): Promise<void> {
  const pauses = new Backoff(clock, PAUSES);
  while (!signal.aborted) {
    try {
      const options = { filters: filtersFor(settings), abortSignal: signal };
      const stream = (await host.engine.dockerWithoutTimeout.getEvents(options)) as unknown as Readable;
      pauses.reset();
      if (seen.hasLooked) appeared();
      for await (const line of linesOf(stream)) if (isNew(line, seen)) appeared();
    } catch (error) {
      if (signal.aborted) return;
      if (statusOf(error) === FORBIDDEN) {
        log.info(
          { because: explain(error) },
          "containers that appear are checked by the next cycle: the Engine's events are denied",
        );
        return;
      }
      log.debug({ because: explain(error) }, "the Engine's events cannot be followed; tried again soon");
    }
    await pauses.pause(signal);
  }
}

/** By what `docker events --filter` takes. */
function filtersFor({ SWARM }: Pick<Settings, "SWARM">) {
  const type: ("container" | "service")[] = [
    ...(SWARM === "services" ? [] : (["container"] as const)),
    ...(SWARM === false ? [] : (["service"] as const)),
  ];
  return { type, event: ["start", "create"] };
}

/** A container that was only created is left alone: what is not running is not updated. */
function isNew(line: string, seen: Polling["seen"]): boolean {
  const event = EngineEvent.safeParse(parseJson(line)).data;
  if (event === undefined || seen.has(event.Actor.ID)) return false;
  return event.Action === (event.Type === "container" ? "start" : "create");
}
