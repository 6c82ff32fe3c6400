// After each step of the product's own lists all combinations with a scene in which nothing goes wrong by itself, a
// restart policy, a fault and an Engine; of all other points and scenes each three of them together, or with
// OUROBOROS_KILLED=all all combinations. And docs/reliability.md's table of it, written anew after each fault.
import assert from "node:assert/strict";
import { after, afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { type Section, writeSection } from "../support/docs-sections.ts";
import type { Batch } from "./killed/run-batch.ts";
import {
  type CaseWithFault,
  allCases,
  batched,
  chooseCovering,
  isStep,
  titleOf,
  triples,
} from "./killed/choose-cases.ts";
import { type FaultName, faultNames, faultOf } from "./killed/faults.ts";
import { runBatches } from "./killed/run-batches.ts";
import { AT_MOST } from "./killed/session.ts";
import { type ResultOf, tableOf } from "./killed/table.ts";

const hosts = { "28.5": 1, "20.10": 2 } as const;
type Version = keyof typeof hosts;
const versions = Object.keys(hosts) as Version[];

// The Engines take turns in who comes first, so that each gets its share of the choice.
const all = allCases.flatMap((one, index) =>
  (index % 2 === 0 ? versions : versions.toReversed()).map((version) => ({ ...one, engine: version })),
);
const isAll = process.env["OUROBOROS_KILLED"] === "all";
const steps = all.filter(isStep);
const others = isAll ? all.filter((one) => !isStep(one)) : chooseCovering(all, triples, steps);
const chosen = [...steps, ...others];

describe("an updater that is killed while it updates one container alone", () => {
  const each = chooseCovering(allCases, ({ point, scene, fault }) => [point.says, `${scene}; ${fault}`]);

  it("has put it right within ten seconds, beside the proof", async function () {
    this.timeout(3_600_000);
    const times: number[] = [];
    const wrong: string[] = [];
    await runBatches(new Map([[1, batched(each, 1)]]), ({ batch, outcomes }) => {
      const [{ ms, wrong: said } = { ms: Infinity, wrong: ["nothing came of it"] }] = outcomes;
      times.push(ms);
      const late = ms > 10_000 ? [`it took ${ms} ms`] : [];
      for (const one of batch.cases)
        wrong.push(...[...said, ...late].map((sentence) => `${titleOf(one)}: ${sentence}`));
    });
    const slowest = (Math.max(...times) / 1000).toFixed(1);
    const within = `One container at a time, killed once at each point, ${times.length} in all with each fault in each scene: right again ${slowest} s after the updater's start at the latest, beside the proof.`;
    await writeSection("killed-alone", within);
    assert.deepEqual(wrong, []);
  });
  after(() => engine(1).clean());
});

/** A table for each group, which may be run by itself: it takes up to an hour. */
const groups: readonly { readonly section: Section; readonly faults: readonly FaultName[] }[] = [
  { section: "killed", faults: faultNames.filter((fault) => fault !== "prune") },
  { section: "killed-prune", faults: ["prune"] },
];

for (const { section, faults } of groups)
  describe("an updater that is killed at each of its points", () => describeFaults(section, faults));

function describeFaults(section: Section, faults: readonly FaultName[]): void {
  const results: ResultOf<CaseWithFault & { engine: Version }>[] = [];

  for (const fault of faults) {
    it(`comes back by itself: ${faultOf(fault).says}`, async function () {
      this.timeout(14_400_000);
      const wrong: string[] = [];
      const queues = versions.map((version): [number, Batch[]] => {
        const cases = chosen.filter((one) => one.fault === fault && one.engine === version);
        return [hosts[version], batched(cases)];
      });
      await runBatches(new Map(queues), ({ batch, host, outcomes }) => {
        const version = versions.find((one) => hosts[one] === host) ?? "28.5";
        batch.cases.forEach((one, index) => {
          const outcome = outcomes[index] ?? { ms: 0, wrong: ["nothing came of it"] };
          results.push({ one: { ...one, fault, engine: version }, outcome });
          if (outcome.wrong.length > 0)
            wrong.push(`${version}: ${titleOf(one)}: ${outcome.wrong.join("\n")}`);
        });
      });
      assert.deepEqual(wrong, []);
    });
  }

  afterEach(() =>
    writeSection(
      section,
      [...said(faults, results.length), "", tableOf(results, { versions, faults })].join("\n"),
    ),
  );
  after(async () => {
    for (const version of versions) await engine(hosts[version]).clean();
  });
}

const said = (faults: readonly FaultName[], ran: number): string[] => {
  const [ofSteps, ofOthers, ofAll] = [steps, others, all].map(
    (cases) => cases.filter(({ fault }) => faults.includes(fault)).length,
  ) as [number, number, number];
  return [
    `After each step, with what is around a container that is updated without a fault of its own: all ${ofSteps} combinations with a restart policy, a fault beside and an Engine. ${
      isAll
        ? `All ${ofOthers} others, too.`
        : `Of the ${ofAll - ofSteps} others ${ofOthers}, so that each three of a point, a scene, a restart policy, a fault and an Engine come together wherever they can.`
    } Of these ${ofSteps + ofOthers} cases ${ran} ran.`,
    `Up to ${AT_MOST} containers of one run die side by side. Times are from the updater's start to the end of the container's part of that run: they share the machine.`,
  ];
};
