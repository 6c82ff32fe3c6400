// `ouroboros status`: the hosts and what their services say of themselves.
import { z } from "zod";
import { HeldEntry } from "../../shared/held.ts";
import { lastOn } from "../../shared/jetstream.ts";
import { parseJson } from "../../shared/messages.ts";
import { RateBudget } from "../../shared/rate-budget.ts";
import { STREAMS, subjects } from "../../shared/subjects.ts";
import { isToken, token, untoken } from "../../shared/tokens.ts";
import { type HostStatus, type Status, Updates } from "./answers.ts";
import { PollerStatus } from "./explanation.ts";
import { type Fleet, askService, hostsAsked, keysOf, withFleet } from "./fleet.ts";
import { undecidedOn } from "./pending.ts";
import { listed } from "./entries.ts";
import type { CommandRunner } from "./run-command.ts";
import { recordIn } from "../../shared/run-records.ts";
import { type Cell, type Terminal, harmless, printJson, printTable } from "./terminal.ts";
import { ago, relative } from "./times.ts";

export const runStatus: CommandRunner<"status"> = async ({ host, json }, terminal) => {
  const status = await withFleet(terminal, async (fleet): Promise<Status> => {
    const names = await hostsAsked(fleet, host);
    const participants = await listed(fleet);
    const held = await allHeld(fleet, terminal.clock.now());
    return {
      nats: { url: fleet.url, version: fleet.nats.info?.version ?? "" },
      participants: participants.map(({ name }) => name),
      unreadable: participants.filter((one) => "unreadable" in one),
      hosts: await Promise.all(
        names.map((name) =>
          statusOf(
            fleet,
            name,
            held.filter((one) => one.host === name),
          ),
        ),
      ),
    };
  });
  if (json) printJson(terminal, status);
  else printStatus(terminal, status);
  return 0;
};

const Note = z.object({
  engine_id: z.string(),
  versions: z.object({ ouroboros: z.string(), api: z.string() }),
  last_seen: z.string(),
  last_poll: z.string().nullable(),
  last_plan: z.object({ run: z.string(), at: z.string() }).nullable(),
  budgets: z.record(z.string(), RateBudget).optional(),
});
const Updater = z.object({
  state: z.enum(["busy", "idle"]),
  updates: Updates.optional(),
  trouble: z.array(z.string()).optional(),
});

type Held = HeldEntry & { readonly host: string; readonly container: string };

async function statusOf(fleet: Fleet, host: string, held: readonly Held[]): Promise<HostStatus> {
  const [entry, poller, updater, undecided] = await Promise.all([
    fleet.hosts.get(token(host)),
    askService(fleet, host, ["poller", "status"]),
    askService(fleet, host, ["updater", "status"]),
    undecidedOn(fleet, host),
  ]);
  const note = Note.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data;
  const acting = Updater.safeParse(updater).data;
  const last = PollerStatus.safeParse(poller).data?.last;
  return {
    host,
    ...aboutNote(note),
    poller: poller !== undefined,
    last_poll: last?.ended_at ?? note?.last_poll ?? null,
    polled: last ? [last.outcome.kind, last.outcome.because].filter(Boolean).join(": ") : null,
    updater: acting?.state ?? "away",
    trouble: acting?.trouble ?? [],
    last_run: note?.last_plan ? await lastRun(fleet, host, note.last_plan) : null,
    updates: acting?.updates ?? null,
    pending: undecided.length,
    held: held.map(({ host: _, ...entry }) => entry),
  };
}

const aboutNote = (note: z.infer<typeof Note> | undefined) => ({
  engine_id: note?.engine_id ?? null,
  ouroboros: note?.versions.ouroboros ?? null,
  api: note?.versions.api ?? null,
  last_seen: note?.last_seen ?? null,
  budgets: note?.budgets ?? {},
});

async function lastRun(
  { manager }: Fleet,
  host: string,
  { run, at }: { readonly run: string; readonly at: string },
): Promise<HostStatus["last_run"]> {
  const last = recordIn((await lastOn(manager, STREAMS.runs, subjects.run(host, run)))?.string());
  return last?.kind === "finished" ? { run, at: last.at, ends: last.ends } : { run, at, ends: null };
}

/** What is held now: an entry whose time is over holds nothing any more. */
async function allHeld({ held }: Fleet, now: number): Promise<Held[]> {
  const found: Held[] = [];
  for (const key of await keysOf(held)) {
    const [host = "", container = ""] = key.split(".");
    const entry = await held.get(key);
    const read = HeldEntry.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data;
    const holds = read !== undefined && (read.until === null || read.until > now);
    if (holds && isToken(host) && isToken(container))
      found.push({ ...read, host: untoken(host), container: untoken(container) });
  }
  return found;
}

function printStatus(terminal: Terminal, { nats, participants, unreadable, hosts }: Status): void {
  const now = terminal.clock.now();
  const { stdout } = terminal;
  stdout.write(`NATS ${nats.version} at ${nats.url}\n`);
  stdout.write(`Participants: ${participants.length === 0 ? "none" : participants.join(", ")}\n`);
  for (const { name, unreadable: because } of unreadable)
    stdout.write(
      `The entry of ${name} cannot be understood, what it may concern is put off: ${harmless(because)}\n`,
    );
  stdout.write("\n");
  if (hosts.length === 0) {
    stdout.write("No host yet: no poller and no updater has started.\n");
    return;
  }
  printTable(
    terminal,
    ["HOST", "VERSION", "POLLER", "LAST POLL", "UPDATER", "LAST RUN", "UPDATES", "PENDING", "HELD"],
    hosts.map((one) => rowOf(one, now)),
  );
  for (const { host, trouble } of hosts)
    for (const sentence of trouble) stdout.write(`\n${host}: ${harmless(sentence)}\n`);
  printBudgets(terminal, hosts);
  const held = hosts.flatMap(({ host, held }) => held.map((entry) => ({ ...entry, host })));
  if (held.length === 0) return;
  stdout.write("\n");
  printTable(
    terminal,
    ["HOST", "HELD", "DIGEST", "UNTIL", "BY", "BECAUSE"],
    held.map(({ host, container, digest, until, by, because }) => [
      ...[host, container, digest.replace(/^(sha256:[0-9a-f]{12}).*/, "$1")],
      until === null ? "its tag moves again" : relative(until, now),
      ...[by, because],
    ]),
  );
}

/** Of registries that say how many more requests they allow. */
function printBudgets(terminal: Terminal, hosts: readonly HostStatus[]): void {
  const now = terminal.clock.now();
  const rows = hosts.flatMap(({ host, budgets }) =>
    Object.entries(budgets).map(([registry, { remaining, limit, window_s, at }]) => [
      ...[host, registry],
      limit === null ? String(remaining) : `${remaining} of ${limit}`,
      window_s === null ? "" : `${Math.round(window_s / 60)} min`,
      ago(at, now),
    ]),
  );
  if (rows.length === 0) return;
  terminal.stdout.write("\n");
  printTable(terminal, ["HOST", "REGISTRY", "REQUESTS LEFT", "PER", "SAID"], rows);
}

function rowOf(it: HostStatus, now: number): Cell[] {
  const seen = it.last_seen === null ? "never seen" : `away, seen ${ago(it.last_seen, now)}`;
  const polled = [it.last_poll && ago(it.last_poll, now), it.polled].filter(Boolean).join(", ");
  const away = (text: string): Cell => ({ text, colour: "red" });
  return [
    it.host,
    it.ouroboros ?? "",
    it.poller ? "answers" : away(seen),
    polled,
    it.updater === "away" ? away("away") : it.updater,
    it.last_run === null ? "none" : `${endsIn(it.last_run.ends)}, ${ago(it.last_run.at, now)}`,
    String(it.updates?.all ?? ""),
    it.pending === 0 ? "0" : { text: String(it.pending), colour: "yellow" },
    String(it.held.length),
  ];
}

/** `2 updated, 1 refused`. */
function endsIn(ends: NonNullable<HostStatus["last_run"]>["ends"]): string {
  if (ends === null) return "under way";
  const counts = new Map<string, number>();
  for (const end of Object.values(ends)) counts.set(end, (counts.get(end) ?? 0) + 1);
  return counts.size === 0 ? "nothing" : [...counts].map(([end, count]) => `${count} ${end}`).join(", ");
}
