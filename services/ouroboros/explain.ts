// `ouroboros explain`: why a container was or was not updated, from the pollers, the held digests and the journal.
import { HeldEntry } from "../../shared/held.ts";
import { lastOn } from "../../shared/jetstream.ts";
import { parseJson } from "../../shared/messages.ts";
import { STREAMS, heldKey, subjects } from "../../shared/subjects.ts";
import type { Explanation } from "./answers.ts";
import { NotDone } from "./command.ts";
import {
  PollerStatus,
  type ExplainedContainer,
  allSeen,
  findSeen,
  printExplanation,
  whyBlind,
} from "./explanation.ts";
import { type Fleet, askService, hostsAsked, withFleet } from "./fleet.ts";
import { didYouMean } from "../../shared/nearest.ts";
import type { CommandRunner } from "./run-command.ts";
import { recordIn } from "../../shared/run-records.ts";
import { recordsOf } from "./runs.ts";
import { printJson, printTable } from "./terminal.ts";
import { ago } from "../../shared/times.ts";

interface ExplainAnswer {
  readonly found: readonly Explanation[];
  /** Names of all containers that were seen. */
  readonly names: readonly string[];
  /** Why the host can say nothing. */
  readonly blind?: string;
}

export const runExplain: CommandRunner<"explain"> = async ({ CONTAINER, host, json }, terminal) => {
  const answers = await withFleet(terminal, async (fleet) =>
    Promise.all((await hostsAsked(fleet, host)).map((one) => askHost(fleet, one, CONTAINER))),
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
      found.map((one) => [one.host, one.container, one.image, ago(one.polled_at, now), one.because]),
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

async function askHost(fleet: Fleet, host: string, container: string | undefined): Promise<ExplainAnswer> {
  const nothing = (blind: string): ExplainAnswer => ({ found: [], names: [], blind: `${host}: ${blind}` });
  const said = await askService(fleet, host, ["poller", "status"]);
  if (said === undefined) return nothing("its poller does not answer");
  const status = PollerStatus.safeParse(said).data;
  const told = (said as { error?: string }).error;
  if (status === undefined)
    return nothing(`its poller's answer cannot be used${told === undefined ? "" : `: ${told}`}`);
  const blind = whyBlind(status);
  if (blind !== undefined) return nothing(blind);
  const seen = allSeen(status);
  const meant = container === undefined ? seen : seen.filter((one) => one === findSeen(status, container));
  const polled_at = status.last?.ended_at ?? "";
  return {
    names: seen.map((one) => one.container),
    found: await Promise.all(
      meant.map(async (one) => ({
        ...{ host, ...one, polled_at },
        held: await heldOf(fleet, host, one),
        last: container === undefined ? null : await lastEndOf(fleet, host, one),
      })),
    ),
  };
}

async function heldOf(
  { held }: Fleet,
  host: string,
  { container }: ExplainedContainer,
): Promise<HeldEntry | null> {
  const entry = await held.get(heldKey(host, container));
  return HeldEntry.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data ?? null;
}

/** How many runs are looked at, from the newest back. */
const RUNS = 50;

async function lastEndOf(
  fleet: Fleet,
  host: string,
  { container }: ExplainedContainer,
): Promise<Explanation["last"]> {
  const { manager } = fleet;
  const info = await manager.streams.info(STREAMS.runs, { subjects_filter: subjects.run(host, "*") });
  const runs = Object.keys(info.state.subjects ?? {})
    .filter((subject) => subject !== subjects.open(host))
    .sort() // ids of runs are in the order of their making
    .slice(-RUNS);
  for (const subject of runs.reverse()) {
    const last = recordIn((await lastOn(manager, STREAMS.runs, subject))?.string());
    if (last?.kind === "finished" && !Object.hasOwn(last.ends, container)) continue;
    const records = await recordsOf(fleet, host, subject.split(".")[3] ?? "");
    const ended = records.find((record) => record.kind === "ended" && record.container === container);
    if (ended?.kind === "ended")
      return { run: ended.run, at: ended.at, end: ended.end, because: ended.because };
  }
  return null;
}
