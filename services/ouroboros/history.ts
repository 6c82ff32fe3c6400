// `ouroboros history`: how updates ended, from the journal.
import { changeInWords } from "../../shared/image-change.ts";
import type { End } from "../../shared/run-records.ts";
import type { HistoryEntry } from "./answers.ts";
import { NotDone } from "./command.ts";
import { hostsAsked, withFleet } from "./fleet.ts";
import { didYouMean } from "../../shared/nearest.ts";
import type { CommandRunner } from "./run-command.ts";
import { type RecordOf, recordsSince } from "./runs.ts";
import { type Cell, type Colour, printJson, printTable } from "./terminal.ts";
import { ago, lasting, written } from "../../shared/times.ts";

export const runHistory: CommandRunner<"history"> = async ({ CONTAINER, host, since, json }, terminal) => {
  const now = terminal.clock.now();
  const all: HistoryEntry[] = [];
  await withFleet(terminal, async (fleet) => {
    await hostsAsked(fleet, host);
    for await (const record of recordsSince(fleet, "ended", { host, since: now - since }))
      all.unshift(entryOf(record));
  });
  const found = all.filter(({ container }) => CONTAINER === undefined || container === CONTAINER);
  if (json) printJson(terminal, found);
  else if (found.length > 0) {
    const rows = found.map((one) => [
      ago(one.at, now),
      one.host,
      one.container,
      painted(one.end),
      changeInWords(one),
      one.downtime_ms === undefined ? "" : lasting(one.downtime_ms),
      one.because,
    ]);
    printTable(terminal, ["WHEN", "HOST", "CONTAINER", "END", "FROM → TO", "DOWN FOR", "BECAUSE"], rows);
  } else if (CONTAINER === undefined)
    terminal.stdout.write(`Nothing ended in the last ${written(since)}; --since looks further back.\n`);
  if (found.length > 0 || CONTAINER === undefined) return 0;
  const near = didYouMean(
    CONTAINER,
    all.map(({ container }) => container),
  );
  throw new NotDone(`no run with a container ${CONTAINER} ended in the last ${written(since)}${near}`);
};

function entryOf({
  at,
  host,
  run,
  container,
  end,
  because,
  from,
  to,
  from_version,
  to_version,
  downtime_ms,
  ms,
}: RecordOf<"ended">): HistoryEntry {
  return {
    ...{ at, host, container, end, because, run },
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(from_version !== undefined && { from_version }),
    ...(to_version !== undefined && { to_version }),
    ...(downtime_ms !== undefined && { downtime_ms }),
    ...(ms !== undefined && { ms }),
  };
}

const COLOURS: Readonly<Partial<Record<End, Colour>>> = {
  updated: "green",
  refused: "yellow",
  deferred: "yellow",
  rolled_back: "red",
  failed: "red",
  stuck: "red",
};

export const painted = (end: End): Cell => {
  const colour = COLOURS[end];
  return colour === undefined ? end : { text: end, colour };
};
