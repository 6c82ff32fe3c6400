// What the journal knows of a container's last update. By this the poller plans a rollback; the updater, which trusts no
// plan and no journal, finds the image before in records of its own.
import { lookUp } from "./look-up.ts";
import type { JetStreamManager } from "@nats-io/jetstream";
import { lastOn, messagesOn } from "./jetstream.ts";
import { type Ended, recordIn } from "./run-records.ts";
import { STREAMS, subjects } from "./subjects.ts";

interface Meant {
  readonly host: string;
  readonly container: string;
}

/** The record of the last run that updated it; undefined where the journal (90 days) has none. @throws what NATS throws */
export async function lastUpdate(
  manager: JetStreamManager,
  { host, container }: Meant,
): Promise<Ended | undefined> {
  const info = await manager.streams.info(STREAMS.runs, { subjects_filter: subjects.run(host, "*") });
  const runs = Object.keys(info.state.subjects ?? {})
    .filter((subject) => subject !== subjects.open(host))
    .sort(); // ids of runs are in the order of their making
  for (const subject of runs.reverse()) {
    const last = recordIn((await lastOn(manager, STREAMS.runs, subject))?.string());
    if (last?.kind === "finished" && lookUp(last.ends, container) !== "updated") continue;
    const ended = await updatedIn(manager, subject, container);
    if (ended !== undefined) return ended;
  }
  return undefined;
}

async function updatedIn(
  manager: JetStreamManager,
  subject: string,
  container: string,
): Promise<Ended | undefined> {
  for await (const message of messagesOn(manager, STREAMS.runs, subject)) {
    const record = recordIn(message.string());
    if (record?.kind === "ended" && record.container === container && record.end === "updated") return record;
  }
  return undefined;
}

/** Why there is nothing to go back to; undefined where there is. */
export function whyNoWayBack(last: Pick<Ended, "from" | "to"> | undefined, runs: string): string | undefined {
  if (last?.from === undefined) return "the journal knows of no earlier update of it";
  if (last.to !== runs)
    return "it no longer runs the image that its last update gave it: somebody recreated it since";
  return undefined;
}
