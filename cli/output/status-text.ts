// Prints `ouroboros status` for people.
import { formatAgo, formatRelative } from "../../shared/runtime/time-text.ts";
import { endsOfRun } from "../../shared/contract/update-end.ts";
import { countEnds } from "../fleet/run-progress.ts";
import type { HostStatus, Status } from "./output-schemas.ts";
import { type Cell, type Terminal, sanitize, paint, printTable } from "../framework/terminal.ts";

export function printStatus(terminal: Terminal, status: Status): void {
  const { nats, participants, hosts } = status;
  const now = terminal.clock.now();
  const { stdout } = terminal;
  stdout.write(`NATS ${nats.version} at ${nats.url}\n`);
  stdout.write(`Participants: ${participants.length === 0 ? "none" : participants.join(", ")}\n\n`);
  if (hosts.length > 0)
    printTable(
      terminal,
      ["HOST", "VERSION", "POLLER", "LAST POLL", "UPDATER", "LAST RUN", "UPDATES", "PENDING", "HELD"],
      hosts.map((host) => rowOf(host, now)),
    );
  printBudgets(terminal, hosts);
  printHeld(terminal, hosts);
  if (hosts.length > 0) stdout.write("\n");
  printTrouble(terminal, status);
}

/** Prints the problems, and a summary as the last line. */
export function printTrouble(
  terminal: Terminal,
  { unreadable, notifications, hosts, summary }: Status,
): void {
  const { stdout } = terminal;
  for (const { target, wrong } of notifications)
    if (wrong !== null)
      stdout.write(`${paint(terminal, `notifications to ${sanitize(target)}`, "red")}: ${sanitize(wrong)}\n`);
  for (const { name, unreadable: because } of unreadable)
    stdout.write(
      `The entry of ${name} cannot be understood, what it may concern is put off: ${sanitize(because)}\n`,
    );
  for (const { host, wrong } of hosts)
    for (const { container, because } of wrong) {
      const where = container === null ? host : `${container} on ${host}`;
      stdout.write(`${paint(terminal, sanitize(where), "red")}: ${sanitize(because)}\n`);
    }
  stdout.write(`${summaryOf(summary)}\n`);
}

/** `2 hosts, 1 of them in trouble; Ouroboros 2.0.0` */
export function summaryOf({ hosts, in_trouble: troubled, versions }: Status["summary"]): string {
  if (hosts === 0) return "No host yet: no poller and no updater has started.";
  const all = Object.entries(versions);
  const only = all[0]?.[0] ?? "";
  const versionText =
    all.length === 0
      ? ""
      : `; Ouroboros ${all.length === 1 ? only : all.map(([version, count]) => `${version} on ${count}`).join(", ")}`;
  const state =
    troubled === 0 ? "nothing wrong" : hosts === 1 ? "in trouble" : `${troubled} of them in trouble`;
  return `${hosts} host${hosts === 1 ? "" : "s"}, ${state}${versionText}`;
}

function printHeld(terminal: Terminal, hosts: readonly HostStatus[]): void {
  const now = terminal.clock.now();
  const held = hosts.flatMap(({ host, held }) => held.map((entry) => ({ ...entry, host })));
  if (held.length === 0) return;
  terminal.stdout.write("\n");
  printTable(
    terminal,
    ["HOST", "HELD", "DIGEST", "UNTIL", "BY", "BECAUSE"],
    held.map(({ host, container, digest, until, by, because }) => [
      ...[host, container, digest.replace(/^(sha256:[0-9a-f]{12}).*/, "$1")],
      until === null ? "the tag changes" : formatRelative(until, now),
      ...[by, because],
    ]),
  );
}

/** Prints how many more requests the registries allow that report it. */
function printBudgets(terminal: Terminal, hosts: readonly HostStatus[]): void {
  const now = terminal.clock.now();
  const rows = hosts.flatMap(({ host, budgets }) =>
    Object.entries(budgets).map(([registry, { remaining, limit, window_s, at }]) => [
      ...[host, registry],
      limit === null ? String(remaining) : `${remaining} of ${limit}`,
      window_s === null ? "" : `${Math.round(window_s / 60)} min`,
      formatAgo(at, now),
    ]),
  );
  if (rows.length === 0) return;
  terminal.stdout.write("\n");
  printTable(terminal, ["HOST", "REGISTRY", "REQUESTS LEFT", "PER", "SAID"], rows);
}

function rowOf(status: HostStatus, now: number): Cell[] {
  const { last_seen, last_poll, last_run, pending, updater } = status;
  const seen = last_seen === null ? "never seen" : `away, seen ${formatAgo(last_seen, now)}`;
  const polled = [last_poll && formatAgo(last_poll, now), status.polled].filter(Boolean).join(", ");
  const away = (text: string): Cell => ({ text, colour: "red" });
  return [
    status.host,
    status.ouroboros ?? "",
    status.poller ? "answers" : away(seen),
    polled,
    updater === "away" ? away("away") : updater,
    last_run === null ? "none" : `${lastRunText(last_run)}, ${formatAgo(last_run.at, now)}`,
    String(status.updates?.all ?? ""),
    pending === 0 ? "0" : { text: String(pending), colour: "yellow" },
    String(status.held.length),
  ];
}

const lastRunText = ({ ends, rollback }: NonNullable<HostStatus["last_run"]>): string =>
  ends === null ? "under way" : countEnds(endsOfRun({ ends: Object.values(ends), rollback }));
