// docs/reliability.md's table of the chaos test: what was done on each Engine, and what held after each calm.
import { type CheckName, checkNames, checks } from "./checks.ts";
import type { RoundResult } from "./play-round.ts";
import { hostActs } from "./host-acts.ts";
import { qualities } from "./images.ts";
import { serviceActs } from "./owner-acts.ts";
import type { Act } from "./schedule.ts";

export interface Results {
  readonly engine: string;
  readonly seed: number;
  readonly minutes: number;
  readonly rounds: readonly RoundResult[];
  /** How often each end was told. */
  readonly ends: ReadonlyMap<string, number>;
  /** How many of them could be compared with the Engine. */
  readonly judged: number;
}

export function tableOf(all: readonly Results[]): string {
  const head = (title: string) => [
    `| ${title} | ${all.map(({ engine }) => `Engine ${engine}`).join(" | ")} |`,
    `| --- |${" --: |".repeat(all.length)}`,
  ];
  const row = (title: string, cell: (one: Results) => string | number) =>
    `| ${title} | ${all.map(cell).join(" | ")} |`;
  return [
    ...all.map(sayOf),
    "",
    ...head("done by somebody else"),
    ...actRows.map(([title, is]) => row(title, (one) => countOf(one, is))),
    "",
    ...head("after each calm: right / looked at"),
    ...checkNames.map((name) => row(checks[name].says, (one) => rightOf(one, name))),
  ].join("\n");
}

function sayOf({ engine, seed, minutes, rounds, ends, judged }: Results): string {
  const acts = rounds.flatMap(({ played }) => played);
  const told = [...ends].toSorted(([one], [other]) => one.localeCompare(other));
  const slowest = Math.max(0, ...rounds.map(({ calmMs }) => calmMs));
  return `- Engine ${engine}: seed ${seed}, ${minutes} min, ${rounds.length} rounds with ${acts.length} acts; ends that were told: ${told
    .map(([end, times]) => `${times} ${end}`)
    .join(
      ", ",
    )}, ${judged} of them compared with the Engine; all was right again ${(slowest / 1000).toFixed(0)} s after the last act at the latest.`;
}

const actRows: readonly (readonly [string, (act: Act) => boolean])[] = [
  ...Object.entries(serviceActs).map(
    ([name, { says }]) => [says, (act: Act) => act.kind === "service" && act.act === name] as const,
  ),
  ...Object.entries(hostActs).map(
    ([name, { says }]) => [says, (act: Act) => act.kind === "host" && act.act === name] as const,
  ),
  ...Object.entries(qualities).map(
    ([name, { says }]) =>
      [`a tag moves to ${says}`, (act: Act) => act.kind === "release" && act.quality === name] as const,
  ),
];

const countOf = ({ rounds }: Results, is: (act: Act) => boolean): number =>
  rounds.flatMap(({ played }) => played).filter(({ act }) => is(act)).length;

const rightOf = ({ rounds }: Results, name: CheckName): string =>
  `${rounds.filter(({ wrong }) => wrong[name] === undefined).length} / ${rounds.length}`;
