// `ouroboros pending`: lists the events whose verdicts are awaited, from the journals of the open runs.
import { iso } from "../../shared/clock.ts";
import { readMessages } from "../../shared/nats/jetstream.ts";
import { type Verdict, parseVerdict } from "../../shared/contract/messages.ts";
import { type AskedParticipant, verdictOfSilence } from "../../shared/contract/participants.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import type { PendingEvent } from "../output/output-schemas.ts";
import { listApprovals } from "../fleet/approvals.ts";
import { type Fleet, selectHosts, withFleet } from "../fleet/fleet.ts";
import { askService } from "../../shared/nats/ask-service.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type RecordOf, findOpenRun, readRunRecords } from "../fleet/read-journal.ts";
import { printJson, printTable, sanitize } from "../framework/terminal.ts";
import { formatAgo } from "../../shared/runtime/time-text.ts";

export const runPending: CommandRunner<"pending"> = async ({ host, json }, terminal) => {
  const now = terminal.clock.now();
  const { pending, unapproved } = await withFleet(terminal, async (fleet) => ({
    pending: await listPendingEvents(fleet, await selectHosts(fleet, host)),
    unapproved: json ? [] : await listUnapproved(fleet, now, host),
  }));
  if (json) printJson(terminal, pending);
  else if (pending.length === 0) terminal.stdout.write("No pending events.\n");
  else {
    const rows = pending.flatMap((event) =>
      event.waiting_for.map(({ participant, until, on_timeout, advisory, group }) => [
        event.host,
        event.hook,
        event.container ?? "(the run)",
        `${participant}${advisory ? " (advises)" : ""}${group ? ` (of ${group})` : ""}`,
        formatAgo(event.since, now),
        `${on_timeout} ${formatAgo(until, now)}`,
        event.event,
      ]),
    );
    printTable(terminal, ["HOST", "HOOK", "CONTAINER", "WAITING FOR", "SINCE", "ELSE", "EVENT"], rows);
    for (const host of new Set(pending.filter(({ updater }) => !updater).map((event) => event.host)))
      terminal.stderr.write(`ouroboros pending: no updater acts on ${host}: nothing is decided there\n`);
  }
  for (const image of unapproved)
    terminal.stdout.write(
      `Waiting for an approval: ${sanitize(image)}; say \`ouroboros approve\` or \`refuse\`.\n`,
    );
  return 0;
};

async function listUnapproved(fleet: Fleet, now: number, host: string | undefined): Promise<string[]> {
  const all = await listApprovals(fleet, now);
  return all
    .filter(({ waiting }) => waiting.some((one) => host === undefined || one.host === host))
    .map(({ image }) => image);
}

export async function listPendingEvents(fleet: Fleet, hosts: readonly string[]): Promise<PendingEvent[]> {
  const found = await Promise.all(
    hosts.map(async (host) => {
      const undecided = await findUndecidedRecords(fleet, host);
      if (undecided.length === 0) return [];
      const updater = (await askService(fleet, host, ["updater", "status"])) !== undefined;
      return Promise.all(undecided.map((record) => describePendingEvent(fleet, record, updater)));
    }),
  );
  return found.flat();
}

/** The events of the host's open run that are not decided yet, by its journal. */
export async function findUndecidedRecords(fleet: Fleet, host: string): Promise<RecordOf<"waiting">[]> {
  const run = await findOpenRun(fleet, host);
  if (run === undefined) return [];
  const records = await readRunRecords(fleet, host, run);
  const decided = new Set(records.filter(({ kind }) => kind === "decided").map(eventOf));
  return records
    .filter((record): record is RecordOf<"waiting"> => record.kind === "waiting")
    .filter(({ event }) => !decided.has(event));
}

const eventOf = (record: object): unknown => (record as { event?: string }).event;

async function describePendingEvent(
  fleet: Fleet,
  record: RecordOf<"waiting">,
  updater: boolean,
): Promise<PendingEvent> {
  const { event, host, hook, container, run, at, participants } = record;
  const verdicts = await Promise.all(participants.map(async ({ name }) => readVerdict(fleet, record, name)));
  const waiting = participants
    .filter(({ by_digest }, index) => by_digest !== true && verdicts[index] === undefined)
    .map((asked) => participantDeadlines(asked, record));
  const latest = (key: "until" | "at_most"): string =>
    waiting
      .map((deadlines) => deadlines[key])
      .sort()
      .at(-1) ?? at;
  return {
    ...{ event, host, hook, container, run },
    since: at,
    until: latest("until"),
    at_most: latest("at_most"),
    waiting_for: waiting,
    answered: participants.flatMap(({ name }, index) => {
      const given = verdicts[index];
      return given
        ? [{ participant: name, verdict: given.verdict, ...(given.reason && { reason: given.reason }) }]
        : [];
    }),
    updater,
  };
}

/** Follows the rule of the gate: the first valid message on the participant's subject counts. */
async function readVerdict(
  { manager }: Fleet,
  { host, event }: { readonly host: string; readonly event: string },
  participant: string,
): Promise<Verdict | undefined> {
  const subject = subjects.verdict(host, participant, event);
  for await (const message of readMessages(manager, STREAMS.verdicts, subject)) {
    const verdict = parseVerdict({ text: message.string(), fromStream: message.header.has("Nats-Stream") });
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

/** Progress is not stored, so `until` is the deadline of a participant that reports none. */
function participantDeadlines(
  { name, timeout_ms, max_ms, on_timeout, advisory, group }: AskedParticipant,
  { at, hook, at_most_ms = Number.POSITIVE_INFINITY }: RecordOf<"waiting">,
): PendingEvent["waiting_for"][number] {
  const start = Date.parse(at);
  const maxMs = Math.min(max_ms, at_most_ms);
  return {
    participant: name,
    until: iso(start + Math.min(timeout_ms, maxMs)),
    at_most: iso(start + maxMs),
    on_timeout: verdictOfSilence(hook, { on_timeout }),
    ...(advisory !== undefined && { advisory }),
    ...(group !== undefined && { group }),
  };
}
