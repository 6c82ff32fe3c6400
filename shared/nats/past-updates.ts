// Finds a container's last update in the journal, so that the poller can plan a rollback. The updater, which trusts
// neither plan nor journal, finds the previous image in its own records.
import { lookUp } from "../look-up.ts";
import type { JetStreamManager } from "@nats-io/jetstream";
import { getLastMessage, readMessages } from "./jetstream.ts";
import { type ResultRecord, parseRunRecord } from "../contract/run-records.ts";
import { STREAMS, subjects } from "../contract/subjects.ts";

interface UpdateQuery {
  readonly host: string;
  readonly container: string;
}

/**
 * The result of the last update of the container; undefined where the journal (90 days) has none.
 * @throws NATS errors
 */
export async function findLastUpdate(
  manager: JetStreamManager,
  { host, container }: UpdateQuery,
): Promise<ResultRecord | undefined> {
  const info = await manager.streams.info(STREAMS.runs, { subjects_filter: subjects.run(host, "*") });
  const runs = Object.keys(info.state.subjects ?? {})
    .filter((subject) => subject !== subjects.open(host))
    .sort(); // run ids sort by the time of their creation
  for (const subject of runs.reverse()) {
    const last = parseRunRecord((await getLastMessage(manager, STREAMS.runs, subject))?.string());
    if (last?.kind === "finished" && lookUp(last.ends, container) !== "updated") continue;
    const ended = await findUpdateIn(manager, subject, container);
    if (ended !== undefined) return ended;
  }
  return undefined;
}

async function findUpdateIn(
  manager: JetStreamManager,
  subject: string,
  container: string,
): Promise<ResultRecord | undefined> {
  for await (const message of readMessages(manager, STREAMS.runs, subject)) {
    const record = parseRunRecord(message.string());
    if (record?.kind === "ended" && record.container === container && record.end === "updated") return record;
  }
  return undefined;
}

/** Why there is no image to go back to; undefined where there is one. `runs` is the image that the container runs. */
export function whyNoRollback(
  last: Pick<ResultRecord, "from" | "to"> | undefined,
  runs: string,
): string | undefined {
  if (last?.from === undefined) return "the journal knows of no earlier update of it";
  if (last.to !== runs)
    return "it no longer runs the image that its last update gave it: somebody recreated it since";
  return undefined;
}
