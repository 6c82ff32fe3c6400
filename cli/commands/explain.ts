// `ouroboros explain`: why a container was or was not updated, from the pollers, the held digests and the journal.
import { NotDone } from "../../shared/errors.ts";
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { STREAMS, heldKey, subjects } from "../../shared/contract/subjects.ts";
import type { Explanation } from "../output/output-schemas.ts";

import {
  PollerStatus,
  type PolledContainer,
  listPolledContainers,
  findPolledContainer,
  printExplanation,
  whyNothingKnown,
} from "../output/explanation.ts";
import { type Fleet, askService, selectHosts, withFleet } from "../fleet/fleet.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { parseRunRecord } from "../../shared/contract/run-records.ts";
import { readRunRecords } from "../fleet/read-journal.ts";
import { printJson, printTable } from "../framework/terminal.ts";
import { formatAgo } from "../../shared/runtime/time-text.ts";

interface ExplainAnswer {
  readonly found: readonly Explanation[];
  /** Names of all containers that were seen. */
  readonly names: readonly string[];
  /** Why the host can say nothing. */
  readonly blind?: string;
}

export const runExplain: CommandRunner<"explain"> = async ({ CONTAINER, host, json }, terminal) => {
  const answers = await withFleet(terminal, async (fleet) =>
    Promise.all((await selectHosts(fleet, host)).map((one) => explainOnHost(fleet, one, CONTAINER))),
  );
  for (const { blind } of answers)
    if (blind !== undefined) terminal.stderr.write(`ouroboros explain: ${blind}\n`);
  const found = answers.flatMap((one) => one.found);
  const now = terminal.clock.now();
  if (json) printJson(terminal, found);
  else if (CONTAINER !== undefined) found.forEach((one) => printExplanation(terminal, one));
  else if (found.length > 0)
    printTable(
      terminal,
      ["HOST", "CONTAINER", "IMAGE", "POLLED", "WHY"],
      found.map((one) => [one.host, one.container, one.image, formatAgo(one.polled_at, now), one.because]),
    );
  if (found.length > 0) return 0;
  const where = host === undefined ? "" : ` on ${host}`;
  if (CONTAINER === undefined) throw new NotDone(`no container was seen${where}`);
  const near = didYouMean(
    CONTAINER,
    answers.flatMap(({ names }) => names),
  );
  throw new NotDone(`no container ${CONTAINER} was seen${where}${near}`);
};

async function explainOnHost(
  fleet: Fleet,
  host: string,
  container: string | undefined,
): Promise<ExplainAnswer> {
  const nothing = (blind: string): ExplainAnswer => ({ found: [], names: [], blind: `${host}: ${blind}` });
  const said = await askService(fleet, host, ["poller", "status"]);
  if (said === undefined) return nothing("its poller does not answer");
  const status = PollerStatus.safeParse(said).data;
  const told = (said as { error?: string }).error;
  if (status === undefined)
    return nothing(`its poller's answer cannot be used${told === undefined ? "" : `: ${told}`}`);
  const blind = whyNothingKnown(status);
  if (blind !== undefined) return nothing(blind);
  const seen = listPolledContainers(status);
  const meant =
    container === undefined ? seen : seen.filter((one) => one === findPolledContainer(status, container));
  const polled_at = status.last?.ended_at ?? "";
  return {
    names: seen.map((one) => one.container),
    found: await Promise.all(
      meant.map(async (one) => ({
        ...{ host, ...one, polled_at },
        held: await readHeldEntry(fleet, host, one),
        last: container === undefined ? null : await findLastEnd(fleet, host, one),
      })),
    ),
  };
}

async function readHeldEntry(
  { held }: Fleet,
  host: string,
  { container }: PolledContainer,
): Promise<HeldEntry | null> {
  const entry = await held.get(heldKey(host, container));
  return HeldEntry.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data ?? null;
}

/** How many runs are looked at, from the newest back. */
const MAX_RUNS_READ = 50;

async function findLastEnd(
  fleet: Fleet,
  host: string,
  { container }: PolledContainer,
): Promise<Explanation["last"]> {
  const { manager } = fleet;
  const info = await manager.streams.info(STREAMS.runs, { subjects_filter: subjects.run(host, "*") });
  const runs = Object.keys(info.state.subjects ?? {})
    .filter((subject) => subject !== subjects.open(host))
    .sort() // ids of runs are in the order of their making
    .slice(-MAX_RUNS_READ);
  for (const subject of runs.reverse()) {
    const last = parseRunRecord((await getLastMessage(manager, STREAMS.runs, subject))?.string());
    if (last?.kind === "finished" && !Object.hasOwn(last.ends, container)) continue;
    const records = await readRunRecords(fleet, host, subject.split(".")[3] ?? "");
    const ended = records.find((record) => record.kind === "ended" && record.container === container);
    if (ended?.kind === "ended")
      return { run: ended.run, at: ended.at, end: ended.end, because: ended.because };
  }
  return null;
}
