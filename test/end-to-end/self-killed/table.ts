// Outcomes as a table for docs/reliability.md: a row for each point, a column for each Engine.
import { type SelfUpdateCase, formNames, forms, nameOf } from "./cases.ts";

export interface SelfUpdateOutcome {
  readonly testCase: SelfUpdateCase;
  readonly engine: string;
  readonly isRight: boolean;
}

const WHO: Readonly<Record<string, string>> = {
  old: "the old container",
  helper: "the helper",
  new: "the new container",
  back: "the helper that puts back",
};
const FAULTS = { none: "", engine: "the Engine, at ", power: "the host's power, at " } as const;

/** `right/run` of the updates that were cut at the point, among other points. */
export function tableOf(results: readonly SelfUpdateOutcome[], engines: readonly string[]): string {
  const rows = new Map<string, Map<string, SelfUpdateOutcome[]>>();
  for (const ran of results)
    for (const says of rowsOf(ran.testCase)) {
      const row = rows.get(says) ?? new Map<string, SelfUpdateOutcome[]>();
      rows.set(says, row.set(ran.engine, [...(row.get(ran.engine) ?? []), ran]));
    }
  const line = (says: string, of: (engine: string) => readonly SelfUpdateOutcome[]): string =>
    `| ${[says, ...engines.map((engine) => cellOf(of(engine)))].join(" | ")} |`;
  return [
    `| killed | ${engines.map((engine) => `Engine ${engine}`).join(" | ")} |`,
    `| --- |${" --- |".repeat(engines.length)}`,
    ...[...rows].map(([says, row]) => line(says, (engine) => row.get(engine) ?? [])),
    ...formNames.map((form) =>
      line(`all, ${forms[form]}`, (engine) =>
        results.filter((ran) => ran.engine === engine && ran.testCase.form === form),
      ),
    ),
  ].join("\n");
}

const rowsOf = ({ points, fault }: SelfUpdateCase): string[] =>
  points.map((point) => {
    const [who = "", ...moment] = nameOf(point).split(" ");
    return `${FAULTS[fault]}${WHO[who] ?? who}: ${moment.join(" ")}`;
  });

const cellOf = (ran: readonly SelfUpdateOutcome[]): string =>
  ran.length === 0 ? "–" : `${ran.filter(({ isRight }) => isRight).length}/${ran.length}`;
