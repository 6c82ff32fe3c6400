// `ouroboros image`: what the ledger knows of an image: which digests its tag has named and when, what runs, and how
// updates ended, over all hosts.
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { type HostLedger, type ImageHistory, imageHistoryOf } from "../../shared/contract/image-history.ts";
import { LedgerEntry } from "../../shared/contract/ledger.ts";
import { imageDigestText } from "../../shared/contract/approvals.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { NotDone } from "../../shared/errors.ts";
import { entriesOf } from "../../shared/nats/bucket-entries.ts";
import { shortDigest } from "../../shared/registry/image-change.ts";
import { parseImageRef } from "../../shared/registry/image-ref.ts";
import { formatAgo } from "../../shared/runtime/time-text.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import { readSaid } from "../fleet/approvals.ts";
import { type Fleet, isMissing, selectHosts, withFleet } from "../fleet/fleet.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, printJson, printTable } from "../framework/terminal.ts";
import { saidOf, saidText } from "../output/said.ts";

export const runImage: CommandRunner<"image"> = async ({ IMAGE, host, json }, terminal) => {
  const now = terminal.clock.now();
  const image = parseImageRef(IMAGE)?.familiar ?? IMAGE;
  const { ledgers, said } = await withFleet(terminal, async (fleet) => {
    await selectHosts(fleet, host);
    return { ledgers: await readLedgers(fleet, host), said: await readSaid(fleet, now) };
  });
  const found = ledgers.filter(({ entry }) => entry.image === image);
  if (found.length === 0) {
    const nearest = didYouMean(image, [...new Set(ledgers.map(({ entry }) => entry.image))]);
    throw new NotDone(messageOf(commandErrors.imageNotInLedger, { image, nearest }));
  }
  const repository = parseImageRef(IMAGE)?.name ?? "";
  const history = imageHistoryOf(image, found, (digest) =>
    saidOf(said, imageDigestText({ repository, digest })),
  );
  if (json) printJson(terminal, history);
  else printHistory(terminal, history, now);
  return 0;
};

const HEADINGS = ["PLATFORM", "DIGEST", "ON THE TAG", "SEEN BY", "RUN BY", "UPDATES TO IT"];

/** With a column for what was said, where anything was. */
function printHistory(terminal: Terminal, history: ImageHistory, now: number): void {
  const rows = rowsOf(history, now);
  if (history.digests.every(({ said }) => said.length === 0)) printTable(terminal, HEADINGS, rows);
  else
    printTable(
      terminal,
      [...HEADINGS, "SAID"],
      rows.map((row, n) => [...row, saidText(history.digests[n]?.said ?? [])]),
    );
}

const rowsOf = ({ digests }: ImageHistory, now: number): string[][] =>
  digests.map((one) => [
    one.platform,
    shortDigest(one.digest),
    one.stays.map(({ from, to }) => `${formatAgo(from, now)} to ${formatAgo(to, now)}`).join(", ") ||
      "never seen",
    hostsText(one.seen_by),
    one.containers === 0 ? "" : `${one.containers} on ${hostsText(one.run_by)}`,
    Object.entries(one.ends)
      .map(([end, { times, hosts }]) => `${times} ${end} on ${hostsText(hosts)}`)
      .join(", "),
  ]);

const hostsText = ({ length, 0: first = "" }: readonly string[]): string =>
  length === 0 ? "" : length === 1 ? first : `${length} hosts`;

/** An entry that cannot be read is left out, and so is one that lies under another image's key. */
async function readLedgers({ manager }: Fleet, only: string | undefined): Promise<HostLedger[]> {
  const found: HostLedger[] = [];
  try {
    for await (const [[host = "", image, platform], text] of entriesOf(manager, BUCKETS.ledger)) {
      if (only !== undefined && only !== host) continue;
      const read = LedgerEntry.safeParse(parseJson(text));
      if (!read.success || read.data.tags !== undefined) continue; // a repository's is no image's
      if (read.data.image === image && read.data.platform === platform)
        found.push({ host, entry: read.data });
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return found;
}
