// What benches share: quantiles, and tables of ratios. Ratios to a bare operation of the same run are what can be
// compared between machines; times cannot. What a bench finds is printed, and is a section of docs/performance.md.
import { type Section, writeSection } from "../test/support/docs-sections.ts";

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export const formatRatio = (value: number, bare: number): string =>
  `${(value / bare).toFixed(value / bare < 3 ? 2 : 1)} x`;

/** The cell of a goal. A bench that misses one ends with 1. */
export function goalFor(value: number, most: number | undefined, unit = ""): string {
  if (most === undefined) return "";
  if (value > most) process.exitCode = 1;
  return `<= ${most}${unit}`;
}

/** The first row is the heading; the first column is text, the others are numbers. */
export function table([heading = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return [heading, heading.map((_cell, at) => (at === 0 ? "---" : "--:")), ...rows].map(line).join("");
}

export async function report(
  section: Section,
  says: string,
  rows: readonly (readonly string[])[],
): Promise<void> {
  const found = `${says}\n\n${table(rows)}`;
  console.log(found);
  await writeSection(section, found);
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
