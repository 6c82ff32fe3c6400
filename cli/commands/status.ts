// `ouroboros status`: the hosts and what their services say of themselves.
import { z } from "zod";
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { RateLimit } from "../../shared/contract/rate-limit.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { isToken, encodeToken, decodeToken } from "../../shared/contract/subject-tokens.ts";
import { type HostStatus, type Status, UpdateCounts } from "../output/output-schemas.ts";
import { EXIT } from "../framework/command.ts";
import { PollerStatus } from "../output/explanation.ts";
import { type Fleet, askService, selectHosts, listKeys, withFleet } from "../fleet/fleet.ts";
import { findUndecidedRecords } from "./pending.ts";
import { listParticipants } from "../fleet/participant-entries.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { parseRunRecord } from "../../shared/contract/run-records.ts";
import { printStatus, printTrouble } from "../output/status-text.ts";
import { printJson } from "../framework/terminal.ts";
import { type HostFacts, findProblems } from "../output/host-problems.ts";

export const runStatus: CommandRunner<"status"> = async ({ host, trouble, json }, terminal) => {
  const now = terminal.clock.now();
  const all = await withFleet(terminal, (fleet) => readStatus(fleet, host, now));
  const isWrong = ({ wrong }: HostStatus): boolean => wrong.length > 0;
  const shown = trouble ? { ...all, hosts: all.hosts.filter(isWrong) } : all;
  if (json) printJson(terminal, shown);
  else if (trouble) printTrouble(terminal, shown);
  else printStatus(terminal, shown);
  const isFine = all.hosts.length > 0 && all.unreadable.length === 0 && !all.hosts.some(isWrong);
  return trouble && !isFine ? EXIT.notDone.code : EXIT.done.code;
};

async function readStatus(fleet: Fleet, host: string | undefined, now: number): Promise<Status> {
  const [names, participants, held] = await Promise.all([
    selectHosts(fleet, host),
    listParticipants(fleet),
    listHeld(fleet, now),
  ]);
  const hosts = await Promise.all(
    names.map(async (name): Promise<HostStatus> => {
      const own = held.filter((one) => one.host === name);
      const known = await readHostStatus(fleet, name, own);
      return { ...known, wrong: findProblems(known, now) };
    }),
  );
  const versions: Record<string, number> = {};
  for (const { ouroboros } of hosts)
    if (ouroboros !== null) versions[ouroboros] = (versions[ouroboros] ?? 0) + 1;
  return {
    nats: { url: fleet.url, version: fleet.nats.info?.version ?? "" },
    summary: {
      hosts: hosts.length,
      in_trouble: hosts.filter(({ wrong }) => wrong.length > 0).length,
      versions,
    },
    participants: participants.map(({ name }) => name),
    unreadable: participants.filter((one) => "unreadable" in one),
    hosts,
  };
}

const HostEntry = z.object({
  engine_id: z.string(),
  versions: z.object({ ouroboros: z.string(), api: z.string() }),
  last_seen: z.string(),
  last_poll: z.string().nullable(),
  last_plan: z.object({ run: z.string(), at: z.string() }).nullable(),
  budgets: z.record(z.string(), RateLimit).optional(),
});
const UpdaterStatus = z.object({
  state: z.enum(["busy", "idle"]),
  updates: UpdateCounts.optional(),
  trouble: z.array(z.string()).optional(),
  recovered: z
    .object({
      stuck: z.array(z.string()),
      mended: z.array(z.object({ container: z.string(), run: z.string() })).default([]),
    })
    .optional(),
});
type UpdaterStatusAnswer = z.infer<typeof UpdaterStatus>;

type LastPoll = NonNullable<PollerStatus["last"]>;
type HeldContainer = HeldEntry & { readonly host: string; readonly container: string };

async function readHostStatus(
  fleet: Fleet,
  host: string,
  held: readonly HeldContainer[],
): Promise<HostFacts> {
  const [entry, poller, updater, undecided] = await Promise.all([
    fleet.hosts.get(encodeToken(host)),
    askService(fleet, host, ["poller", "status"]),
    askService(fleet, host, ["updater", "status"]),
    findUndecidedRecords(fleet, host),
  ]);
  const note = HostEntry.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data;
  const acting = UpdaterStatus.safeParse(updater).data;
  const last = PollerStatus.safeParse(poller).data?.last;
  const lastRun = note?.last_plan ? await readLastRun(fleet, host, note.last_plan) : null;
  return {
    host,
    ...hostEntryFields(note),
    poller: poller !== undefined,
    ...pollFields(last, note?.last_poll),
    ...updaterFields(acting),
    last_run: lastRun,
    stuck: findStuck(lastRun, acting),
    pending: undecided.length,
    held: held.map(({ host: _, ...entry }) => entry),
  };
}

const updaterFields = (acting: UpdaterStatusAnswer | undefined) => ({
  updater: acting?.state ?? ("away" as const),
  trouble: acting?.trouble ?? [],
  updates: acting?.updates ?? null,
});

/** `noted` is when the host was polled last, where its poller does not say. */
const pollFields = (last: LastPoll | null | undefined, noted: string | null = null) => ({
  last_poll: last?.ended_at ?? noted,
  polled: last ? pollResultText(last) : null,
  poll_failed: last?.outcome.kind === "failed" ? (last.outcome.because ?? "") : null,
  registry_failures: last?.failures ?? [],
  unseen: last?.unseen.map(({ name, because }) => ({ container: name, because })) ?? [],
});

/** What came of a poll; where registries gave no answer nobody knows whether anything is due. */
function pollResultText({ outcome, asked = 0, unanswered = 0, lagging }: LastPoll): string {
  const came = [outcome.kind, outcome.because].filter(Boolean).join(": ");
  const mirrors = [...new Set(lagging.map(({ mirror }) => mirror))].join(", ");
  const what = lagging.length === 0 ? came : `${came}; ${mirrors} lags behind for ${imagesIn(lagging)}`;
  if (unanswered === 0) return what;
  const trouble =
    unanswered === asked
      ? "no registry could be asked"
      : `${unanswered} of ${asked} images could not be asked for`;
  return what === "nothing due" ? trouble : `${what}; ${trouble}`;
}

const imagesIn = ({ length }: LastPoll["lagging"]): string => `${length} image${length === 1 ? "" : "s"}`;

const hostEntryFields = (note: z.infer<typeof HostEntry> | undefined) => ({
  engine_id: note?.engine_id ?? null,
  ouroboros: note?.versions.ouroboros ?? null,
  api: note?.versions.api ?? null,
  last_seen: note?.last_seen ?? null,
  budgets: note?.budgets ?? {},
});

async function readLastRun(
  { manager }: Fleet,
  host: string,
  { run, at }: { readonly run: string; readonly at: string },
): Promise<HostStatus["last_run"]> {
  const last = parseRunRecord(
    (await getLastMessage(manager, STREAMS.runs, subjects.run(host, run)))?.string(),
  );
  return last?.kind === "finished" ? { run, at: last.at, ends: last.ends } : { run, at, ends: null };
}

/** By the last run or the last recovery, without what has been repaired since. */
function findStuck(lastRun: HostStatus["last_run"], updater: UpdaterStatusAnswer | undefined): string[] {
  const { stuck = [], mended = [] } = updater?.recovered ?? {};
  const byRun = Object.entries(lastRun?.ends ?? {}).flatMap(([container, end]) =>
    end === "stuck" && !mended.some((one) => one.run === lastRun?.run && one.container === container)
      ? [container]
      : [],
  );
  return [...new Set([...stuck, ...byRun])];
}

/** What is held now: an entry whose time is over holds nothing any more. */
async function listHeld({ held }: Fleet, now: number): Promise<HeldContainer[]> {
  const found = (await listKeys(held)).map(async (key): Promise<HeldContainer[]> => {
    const [host = "", container = ""] = key.split(".");
    const entry = await held.get(key);
    const read = HeldEntry.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data;
    const holds = read !== undefined && (read.until === null || read.until > now);
    return holds && isToken(host) && isToken(container)
      ? [{ ...read, host: decodeToken(host), container: decodeToken(container) }]
      : [];
  });
  return (await Promise.all(found)).flat();
}
