/** What the fidelity suite found, case by case and Engine by Engine, as tables for docs/reliability.md. */
import { topics } from "./cases.ts";
import type { Case } from "./case.ts";

/** For each Engine, the cases that were run there and whether all went well. */
export type Findings = ReadonlyMap<string, ReadonlyMap<string, boolean>>;

export function fidelityTables(findings: Findings): string {
  const engines = [...findings.keys()];
  const tables = Object.entries<Readonly<Record<string, Case>>>(topics).map(([topic, cases]) => {
    const rows = Object.entries(cases).map(([name, { says }]) => {
      const cells = engines.map((engine) => markOf(findings.get(engine)?.get(name)));
      return `| ${says} | ${cells.join(" | ")} |`;
    });
    return [`### ${titleOf(topic)}`, "", ...headOf(engines), ...rows].join("\n");
  });
  const totals = engines.map((engine) => {
    const all = [...(findings.get(engine)?.values() ?? [])];
    return `- ${engine}: ${all.filter(Boolean).length} of ${all.length}`;
  });
  return [totals.join("\n"), ...tables].join("\n\n");
}

const markOf = (passed: boolean | undefined): string => (passed === undefined ? "–" : passed ? "✔" : "✘");
const titleOf = (topic: string): string => topic.charAt(0).toUpperCase() + topic.slice(1);
const headOf = (engines: readonly string[]): string[] => [
  `| After the update | ${engines.join(" | ")} |`,
  `| --- |${" :-: |".repeat(engines.length)}`,
];
