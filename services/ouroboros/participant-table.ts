// What `ouroboros participant list` prints for people.
import type { Named } from "./participant-command.ts";

const HEADINGS = ["NAME", "HOOKS", "HOSTS", "TIMEOUT", "MAX", "ON TIMEOUT"];

export function asTable(participants: readonly Named[]): string {
  const rows = participants.map(({ name, hooks, hosts, timeout_ms, max_ms, on_timeout }) => [
    name,
    hooks.join(","),
    hosts.join(","),
    inWords(timeout_ms),
    inWords(max_ms),
    on_timeout,
  ]);
  const lines = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** In the largest unit that leaves a whole number. */
function inWords(ms: number): string {
  for (const [unit, size] of [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
