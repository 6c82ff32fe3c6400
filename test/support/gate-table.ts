// What the tests of the gate measured of a fault: a table of docs/reliability.md for each file of them. The whole run
// prints each anew, so that a row is of this run or is not there.
import { type Section, writeSection } from "./docs-sections.ts";

export interface GateTable {
  /** A row of the table. */
  readonly addRow: (fault: string, happens: string, measured: string) => void;
  /** By the full run. */
  readonly write: () => Promise<void>;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export function gateTable(section: Section): GateTable {
  const rows: string[] = [];
  return {
    addRow: (fault, happens, measured) => {
      rows.push(`| ${fault} | ${happens} | ${measured} |`);
      console.log(`      ${fault}: ${measured}`);
    },
    write: async () => {
      if (process.env["OUROBOROS_TEST_FULL"] !== "1") return;
      const head = ["| fault | what happens | measured |", "| --- | --- | --- |"];
      await writeSection(section, [...head, ...rows.toSorted()].join("\n"));
    },
  };
}
