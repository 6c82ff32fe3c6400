// What the tests of the gate measured of a fault, for the table of docs/reliability.md.
import { rowsOf, writeSection } from "./reliability.ts";

const rows = new Map<string, string>();

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** A row of the table. */
export function tell(fault: string, happens: string, measured: string): void {
  rows.set(fault, `| ${fault} | ${happens} | ${measured} |`);
  console.log(`      ${fault}: ${measured}`);
}

/** The table, by the full run: several files tell rows of it, so those of the others stay. */
export async function writeGate(): Promise<void> {
  if (process.env["OUROBOROS_TEST_FULL"] !== "1") return;
  const before = (await rowsOf("gate")).map((row) => [row.split(" | ")[0]?.slice(2) ?? "", row] as const);
  const all = new Map([...before, ...rows]);
  const head = ["| fault | what happens | measured |", "| --- | --- | --- |"];
  await writeSection("gate", [...head, ...[...all.values()].toSorted()].join("\n"));
}
