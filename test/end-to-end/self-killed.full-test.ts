// Each point of a self-update in each form and with each fault, on all Engines; and docs/reliability.md's table of it.
import assert from "node:assert/strict";
import { engine } from "../bed/bed.ts";
import { writeSection } from "../support/docs-sections.ts";
import {
  type Form,
  type SelfUpdateCase,
  formNames,
  killCases,
  rollbackCases,
  faultCases,
  titleOf,
} from "./self-killed/cases.ts";
import { helperPoints } from "./self-killed/points.ts";
import { runCases } from "./self-killed/run-case.ts";
import { type SelfUpdateOutcome, tableOf } from "./self-killed/table.ts";

const engines = { "28.5": 1, "20.10": 2, "26.1": 3 } as const;
type Version = keyof typeof engines;
const versions = Object.keys(engines) as Version[];

/** On each Engine all deaths; Engine and power fail at every point of the helper, each time in another form. */
const casesOn = (n: number): readonly SelfUpdateCase[] => [
  ...formNames.flatMap((form) => killCases(form)),
  ...(["run", "ports"] as const).flatMap((form) => rollbackCases(form)),
  ...(["engine", "power"] as const).flatMap((fault, f) =>
    helperPoints.flatMap((point, p) => faultCases(formAt(n + f + p), fault, [point])),
  ),
];
const formAt = (n: number): Form => formNames[n % formNames.length] ?? "run";

describe("a self-update that is cut comes back by itself, in each form", function () {
  this.timeout(3_600_000);
  const cases = new Map(versions.map((version, n) => [version, casesOn(n)]));
  const results: SelfUpdateOutcome[] = [];
  let outcomes: Awaited<ReturnType<typeof runCases>> = new Map();

  before("the images", async () => {
    outcomes = await runCases(
      new Map(versions.map((version) => [engines[version], cases.get(version) ?? []])),
    );
  });
  after(async () => {
    await writeSection("self", tableOf(results, versions));
    for (const version of versions) await engine(engines[version]).clean();
  });

  for (const [version, all] of cases)
    for (const one of all)
      it(`${version}: ${titleOf(one)}`, async () => {
        const wrong = (await outcomes.get(one)) ?? ["it was not run"];
        results.push({ testCase: one, engine: version, isRight: wrong.length === 0 });
        assert.deepEqual(wrong, []);
      });
});
