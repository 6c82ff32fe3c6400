// `ouroboros history`: lists how updates ended, from the journal.
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { formatImageChange } from "../../shared/registry/image-change.ts";
import {
  type EndKind,
  type RecordedEnd,
  endInWords,
  kindOfEnd,
  reasonOfEnd,
} from "../../shared/contract/update-end.ts";
import type { HistoryEntry } from "../output/output-schemas.ts";

import { selectHosts, withFleet } from "../fleet/fleet.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type RecordOf, readRecordsSince } from "../fleet/read-journal.ts";
import { type Cell, type Colour, printJson, printTable } from "../framework/terminal.ts";
import { formatAgo, formatDuration, formatDurationArgument } from "../../shared/runtime/time-text.ts";

export const runHistory: CommandRunner<"history"> = async ({ CONTAINER, host, since, json }, terminal) => {
  const now = terminal.clock.now();
  const all: HistoryEntry[] = [];
  await withFleet(terminal, async (fleet) => {
    await selectHosts(fleet, host);
    for await (const record of readRecordsSince(fleet, "ended", { host, since: now - since }))
      all.unshift(historyEntryOf(record));
  });
  const found = all.filter(({ container }) => CONTAINER === undefined || container === CONTAINER);
  if (json) printJson(terminal, found);
  else if (found.length > 0) {
    const rows = found.map((entry) => [
      formatAgo(entry.at, now),
      entry.host,
      entry.container,
      endCell(entry),
      formatImageChange(entry),
      entry.downtime_ms === undefined ? "" : formatDuration(entry.downtime_ms),
      reasonOfEnd(entry),
    ]);
    printTable(terminal, ["WHEN", "HOST", "CONTAINER", "END", "FROM → TO", "DOWN FOR", "BECAUSE"], rows);
  } else if (CONTAINER === undefined)
    terminal.stdout.write(
      `Nothing ended in the last ${formatDurationArgument(since)}; --since looks further back.\n`,
    );
  if (found.length > 0 || CONTAINER === undefined) return 0;
  const nearest = didYouMean(
    CONTAINER,
    all.map(({ container }) => container),
  );
  const time = formatDurationArgument(since);
  throw new NotDone(messageOf(commandErrors.nothingEnded, { container: CONTAINER, time, nearest }));
};

function historyEntryOf({
  at,
  host,
  run,
  container,
  end,
  because,
  by,
  image,
  to_image,
  from,
  to,
  from_version,
  to_version,
  downtime_ms,
  ms,
}: RecordOf<"ended">): HistoryEntry {
  return {
    ...{ at, host, container, end, because, run },
    ...(by !== undefined && { by }),
    ...(image !== undefined && { image }),
    ...(to_image !== undefined && { to_image }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(from_version !== undefined && { from_version }),
    ...(to_version !== undefined && { to_version }),
    ...(downtime_ms !== undefined && { downtime_ms }),
    ...(ms !== undefined && { ms }),
  };
}

const COLOURS: Readonly<Partial<Record<EndKind, Colour>>> = {
  updated: "green",
  rolled_back_by_operator: "yellow",
  refused: "yellow",
  deferred: "yellow",
  rolled_back: "red",
  failed: "red",
  stuck: "red",
};

export const endCell = (ended: RecordedEnd): Cell => {
  const text = endInWords(ended);
  const colour = COLOURS[kindOfEnd(ended)];
  return colour === undefined ? text : { text, colour };
};
