// The history of an image over all hosts, from their ledgers. Pure.
import * as z from "zod";
import { DigestVerdict } from "./approvals.ts";
import type { LedgerEntry } from "./ledger.ts";
import { UpdateResult } from "./payloads.ts";

const Hosts = z.array(z.string()).describe("Names of hosts.");

const DigestHistory = z.object({
  digest: z.string(),
  platform: z.string(),
  stays: z
    .array(z.object({ from: z.string(), to: z.string() }))
    .describe("When the tag named it, as the hosts saw it. RFC 3339."),
  seen_by: Hosts.describe("Hosts that saw the tag name it."),
  containers: z.number().int().describe("How many containers run it."),
  run_by: Hosts.describe("Hosts on which they are."),
  ends: z
    .partialRecord(UpdateResult, z.object({ times: z.number().int(), hosts: Hosts }))
    .describe("How updates to it ended."),
  said: z.array(DigestVerdict).describe("What was said about it for all hosts, and counts now."),
});
type DigestHistory = z.infer<typeof DigestHistory>;

export const ImageHistory = z.object({
  image: z.string(),
  digests: z.array(DigestHistory).describe("The newest first."),
});
export type ImageHistory = z.infer<typeof ImageHistory>;

export interface HostLedger {
  readonly host: string;
  readonly entry: LedgerEntry;
}

export function imageHistoryOf(
  image: string,
  ledgers: readonly HostLedger[],
  saidOf: (digest: string) => DigestVerdict[] = () => [],
): ImageHistory {
  const platforms = [...new Set(ledgers.map(({ entry }) => entry.platform))].sort();
  const digests = platforms.flatMap((platform) => {
    const own = ledgers.filter(({ entry }) => entry.platform === platform);
    const names = own.flatMap(({ entry: { stays, uses } }) =>
      [...stays, ...uses].map(({ digest }) => digest),
    );
    return [...new Set(names)].map((digest) => ({
      ...digestHistory(digest, platform, own),
      said: saidOf(digest),
    }));
  });
  const newest = ({ stays }: DigestHistory): number => Math.max(...stays.map(({ to }) => Date.parse(to)), 0);
  return { image, digests: digests.toSorted((a, b) => newest(b) - newest(a)) };
}

function digestHistory(
  digest: string,
  platform: string,
  ledgers: readonly HostLedger[],
): Omit<DigestHistory, "said"> {
  const isIt = (one: { readonly digest: string }): boolean => one.digest === digest;
  const uses = ledgers.flatMap(({ host, entry }) => entry.uses.filter(isIt).map((use) => ({ host, ...use })));
  const ends: DigestHistory["ends"] = {};
  for (const { host, ends: own } of uses)
    for (const [end, times] of Object.entries(own) as [UpdateResult, number][]) {
      const before = ends[end] ?? { times: 0, hosts: [] };
      ends[end] = { times: before.times + times, hosts: [...before.hosts, host] };
    }
  const running = uses.filter(({ containers }) => containers > 0);
  return {
    ...{ digest, platform, ends },
    stays: overlapped(ledgers.flatMap(({ entry }) => entry.stays.filter(isIt))),
    seen_by: ledgers.filter(({ entry }) => entry.stays.some(isIt)).map(({ host }) => host),
    containers: running.reduce((sum, { containers }) => sum + containers, 0),
    run_by: running.map(({ host }) => host),
  };
}

/** Times that overlap are one. */
function overlapped(
  stays: readonly { readonly from: string; readonly to: string }[],
): DigestHistory["stays"] {
  const joined: { from: string; to: string }[] = [];
  for (const { from, to } of stays.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = joined.at(-1);
    if (last === undefined || from > last.to) joined.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return joined;
}
