// `ouroboros status`: collects the state of the hosts from their services, entries and journals.
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import type { OutboxState } from "../../shared/contract/notifier-state.ts";
import { formatRelative } from "../../shared/runtime/time-text.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { type HostEntry, parseHostEntry } from "../../shared/contract/host-entry.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { isToken, encodeToken, decodeToken } from "../../shared/contract/subject-tokens.ts";
import type { HostStatus, Status } from "../output/output-schemas.ts";
import { EXIT } from "../framework/command.ts";
import { PollerStatus, UpdaterStatus } from "../../shared/contract/service-status.ts";
import { type Fleet, selectHosts, listKeys, withFleet } from "../fleet/fleet.ts";
import { askService } from "../../shared/nats/ask-service.ts";
import { findUndecidedRecords } from "./pending.ts";
import { readOutboxes } from "../fleet/outboxes.ts";
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
  const isDelivered = all.notifications.every(({ wrong }) => wrong === null);
  const isFine =
    all.hosts.length > 0 && isDelivered && all.unreadable.length === 0 && !all.hosts.some(isWrong);
  return trouble && !isFine ? EXIT.notDone.code : EXIT.done.code;
};

async function readStatus(fleet: Fleet, host: string | undefined, now: number): Promise<Status> {
  const [names, participants, held, outboxes] = await Promise.all([
    selectHosts(fleet, host),
    listParticipants(fleet),
    listHeld(fleet, now),
    readOutboxes(fleet),
  ]);
  const hosts = await Promise.all(
    names.map(async (name): Promise<HostStatus> => {
      const heldThere = held.filter((entry) => entry.host === name);
      const facts = await readHostStatus(fleet, name, heldThere);
      return { ...facts, wrong: findProblems(facts, now) };
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
    unreadable: participants.filter((participant) => "unreadable" in participant),
    notifications: outboxes.map(({ state }) => ({
      target: state.target,
      pending: state.pending.length,
      wrong: whyUndelivered(state, now),
    })),
    hosts,
  };
}

const SHOW_GIVEN_UP_MS = 7 * 86_400_000;

function whyUndelivered({ failing, dead, pending }: OutboxState, now: number): string | null {
  if (failing !== null && failing.tries > 0 && pending.length > 0)
    return `takes nothing since ${formatRelative(failing.since, now)}, ${pending.length} wait: ${failing.because}`;
  if (dead === null || now - dead.at > SHOW_GIVEN_UP_MS) return null;
  return `${dead.count} notifications were given up ${formatRelative(dead.at, now)}: ${dead.because}`;
}

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
  const hostEntry = parseHostEntry(entry?.operation === "PUT" ? entry.string() : "");
  const updaterStatus = UpdaterStatus.safeParse(updater).data;
  const last = PollerStatus.safeParse(poller).data?.last;
  const lastRun = hostEntry?.last_plan ? await readLastRun(fleet, host, hostEntry.last_plan) : null;
  return {
    host,
    ...hostEntryFields(hostEntry),
    poller: poller !== undefined,
    ...pollFields(last, hostEntry?.last_poll),
    ...updaterFields(updaterStatus),
    trouble: [
      ...(updaterStatus?.trouble ?? []),
      ...(last?.swarm?.isWrong === true ? [last.swarm.because] : []),
    ],
    last_run: lastRun,
    stuck: findStuck(lastRun, updaterStatus),
    pending: undecided.length,
    held: held.map(({ host: _, ...entry }) => entry),
  };
}

const updaterFields = (status: UpdaterStatus | undefined) => ({
  updater: status?.state ?? ("away" as const),
  updates: status?.updates ?? null,
});

/** `recorded` is the time of the last poll in the host's entry, used where the poller does not answer. */
const pollFields = (last: LastPoll | null | undefined, recorded: string | null = null) => ({
  last_poll: last?.ended_at ?? recorded,
  polled: last ? pollResultText(last) : null,
  poll_failed: last?.outcome.kind === "failed" ? (last.outcome.because ?? "") : null,
  registry_failures: last?.failures ?? [],
  unseen: last?.unseen.map(({ name, because }) => ({ container: name, because })) ?? [],
});

/** The result of a poll. Where registries gave no answer, it is unknown whether an update is due. */
function pollResultText({ outcome, asked = 0, unanswered = 0, lagging, swarm }: LastPoll): string {
  const outcomeText = [outcome.kind, outcome.because ?? swarm?.because].filter(Boolean).join(": ");
  const mirrors = [...new Set(lagging.map(({ mirror }) => mirror))].join(", ");
  const what =
    lagging.length === 0 ? outcomeText : `${outcomeText}; ${mirrors} lags behind for ${imagesIn(lagging)}`;
  if (unanswered === 0) return what;
  const trouble =
    unanswered === asked
      ? "no registry could be asked"
      : `${unanswered} of ${asked} images could not be asked for`;
  return what === "nothing due" ? trouble : `${what}; ${trouble}`;
}

const imagesIn = ({ length }: LastPoll["lagging"]): string => `${length} image${length === 1 ? "" : "s"}`;

const hostEntryFields = (entry: HostEntry | undefined) => ({
  engine_id: entry?.engine_id ?? null,
  ouroboros: entry?.versions.ouroboros ?? null,
  api: entry?.versions.api ?? null,
  last_seen: entry?.last_seen ?? null,
  budgets: entry?.budgets ?? {},
});

async function readLastRun(
  { manager }: Fleet,
  host: string,
  { run, at }: { readonly run: string; readonly at: string },
): Promise<HostStatus["last_run"]> {
  const last = parseRunRecord(
    (await getLastMessage(manager, STREAMS.runs, subjects.run(host, run)))?.string(),
  );
  if (last?.kind !== "finished") return { run, at, ends: null };
  return { run, at: last.at, ends: last.ends, ...(last.rollback && { rollback: last.rollback }) };
}

/** Stuck containers by the last run or the last recovery, without those repaired since. */
function findStuck(lastRun: HostStatus["last_run"], updater: UpdaterStatus | undefined): string[] {
  const { stuck = [], mended = [] } = updater?.recovered ?? {};
  const byRun = Object.entries(lastRun?.ends ?? {}).flatMap(([container, end]) =>
    end === "stuck" && !mended.some((repair) => repair.run === lastRun?.run && repair.container === container)
      ? [container]
      : [],
  );
  return [...new Set([...stuck, ...byRun])];
}

/** The entries that hold a digest now; an expired entry no longer counts. */
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
