// The server-sent events of one page. The id of each is a position in the streams, so that a page that comes back gets
// what it has not seen. Nothing is queued for a page: what changed is looked up when it can take more, so a slow one
// costs no memory and gets each thing once, as it is then.
import type { SSEStreamingApi } from "hono/streaming";
import type { Clock } from "../../../shared/clock.ts";
import type { Topic } from "../model/entities.ts";
import { type Position, formatViewId, parseViewId } from "../model/position.ts";
import type { LiveFleet } from "../read/live-fleet.ts";

export interface StreamRequest {
  readonly topics: ReadonlySet<Topic>;
  /** The run whose records are wanted, too. */
  readonly run?: { readonly host: string; readonly run: string } | undefined;
  /** The id of the last event that the page has got. */
  readonly after: string | undefined;
}

interface StreamContext {
  readonly fleet: LiveFleet;
  readonly clock: Clock;
  /** False ends the stream, such as where the person has signed out. */
  readonly isAllowed: () => boolean;
}

/** A page that hears nothing for longer knows that it is cut off. */
export const HEARTBEAT_MS = 10_000;
/** What comes within this time is sent together. */
const TOGETHER_MS = 40;

/** Resolves when the page is gone, or has to begin anew. */
export async function streamChanges(
  stream: SSEStreamingApi,
  { fleet, clock, isAllowed }: StreamContext,
  request: StreamRequest,
): Promise<void> {
  const after = parseViewId(request.after);
  let position = after?.position;
  let told = "";
  let wake = new AbortController();
  using _listening = fleet.listen(() => wake.abort());
  stream.onAbort(() => wake.abort());
  while (!stream.aborted && isAllowed()) {
    wake = new AbortController();
    const status = JSON.stringify(fleet.status);
    if (status !== told) await stream.writeSSE({ event: "status", data: (told = status) });
    if (fleet.status.state !== "loading") {
      const next =
        position && fleet.id.epoch === after?.epoch ? findNews(fleet, position, request) : undefined;
      if (next === undefined) {
        await stream.writeSSE({ event: "reset", data: "" });
        return;
      }
      if (next.data !== undefined)
        await stream.writeSSE({
          id: formatViewId(next.id),
          event: "changes",
          data: JSON.stringify(next.data),
        });
      position = next.id.position;
    }
    if (wake.signal.aborted) await clock.sleep(TOGETHER_MS);
    else {
      await clock.sleep(HEARTBEAT_MS, wake.signal);
      if (wake.signal.aborted) await clock.sleep(TOGETHER_MS);
      else await stream.writeSSE({ event: "alive", data: "" });
    }
  }
}

/** Undefined where the page is too far behind. */
function findNews(fleet: LiveFleet, position: Position, { topics, run }: StreamRequest) {
  const { id, view } = fleet;
  const changes = view.entities.changesSince(position, topics);
  if (changes === undefined) return undefined;
  const records = (run && view.recordsOf(run.host, run.run))?.filter(({ seq }) => seq > position.runs) ?? [];
  const isAnything = changes.length > 0 || records.length > 0;
  return { id, data: isAnything ? { changes, records } : undefined };
}
