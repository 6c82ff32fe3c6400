// Outcomes as a table for docs/reliability.md: a row for each value of each dimension, a column for each Engine.
import type { Outcome } from "./run-batch.ts";
import type { CaseWithFault } from "./choose-cases.ts";
import { type FaultName, faultOf } from "./faults.ts";
import { kindNames, kindOf, points } from "./points.ts";
import { policies, sceneNames, sceneOf } from "./scenes.ts";

export interface ResultOf<One> {
  readonly one: One;
  readonly outcome: Outcome;
}
type OnEngine = CaseWithFault & { readonly engine: string };
type Row = readonly [says: string, holds: (one: OnEngine) => boolean];

const dimensionsOf = (faults: readonly FaultName[]): readonly (readonly [string, readonly Row[]])[] => [
  ["killed", kindNames.map((kind) => [kind, ({ point }) => kindOf(point) === kind])],
  ["beside that", faults.map((name) => [faultOf(name).says, ({ fault }) => fault === name])],
  ["restart policy", policies.map((name) => [name, ({ policy }) => policy === name])],
  ["container", sceneNames.map((name) => [sceneOf(name).says, ({ scene }) => scene === name])],
];

interface Columns {
  readonly versions: readonly string[];
  readonly faults: readonly FaultName[];
}

export function tableOf(results: readonly ResultOf<OnEngine>[], { versions, faults }: Columns): string {
  const row = (first: string, second: string, holds: Row[1]): string => {
    const cells = versions.map((engine) =>
      cellOf(results.filter(({ one }) => one.engine === engine && holds(one)).map(({ outcome }) => outcome)),
    );
    return `| ${[first, second, ...cells].join(" | ")} |`;
  };
  const rows = dimensionsOf(faults).flatMap(([dimension, values]) =>
    values.map(([says, holds]) => row(dimension, says, holds)),
  );
  return [
    `${points.length} points × ${policies.length} restart policies × ${sceneNames.length} scenes × ${faults.length === 1 ? "1 fault" : `${faults.length} faults`}; cases passed/run, median and slowest recovery:`,
    "",
    `| | | ${versions.map((engine) => `Engine ${engine}`).join(" | ")} |`,
    `| --- | --- |${" --- |".repeat(versions.length)}`,
    ...rows,
    row("all", "", () => true),
  ].join("\n");
}

/** A part that was over before the kill took no time after it. */
function cellOf(outcomes: readonly Outcome[]): string {
  if (outcomes.length === 0) return "not run";
  const times = outcomes.map(({ ms }) => Math.max(0, ms)).sort((one, other) => one - other);
  const passed = outcomes.filter(({ wrong }) => wrong.length === 0).length;
  return `${passed}/${outcomes.length}, ${times[times.length >> 1] ?? 0} ms, ${times.at(-1) ?? 0} ms`;
}
