// One Engine's share of the chosen cases: each is killed and recovers. A file of its own for each, so that beds share them.
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { engine } from "../../bed/bed.ts";
import type { Batch } from "./run-batch.ts";
import { isFullRun } from "../../support/full-run.ts";
import { allCases, batched, chooseCovering, eachPoint, pairs, titleOf } from "./choose-cases.ts";
import { faultOf } from "./faults.ts";
import { runBatches } from "./run-batches.ts";
import type { Case } from "./points.ts";

const hosts = [1, 2, 3];

/**
 * The Engines share the runs, not the cases of each: what comes before and after one costs more than a case. `npm test` has
 * only the share of 28.5.
 */
const batchesOn = (host: number): readonly Batch[] =>
  batched(chooseCovering(allCases, isFullRun ? pairs : eachPoint)).filter(
    (_, n) => hosts[n % hosts.length] === host,
  );

/** `host` is its number in the bed. */
export function describeKilledOn(version: string, host: number): void {
  describe(`an updater that is killed on Engine ${version}, and then`, () => {
    const batches = batchesOn(host);
    const chosen = batches.flatMap(({ cases, fault }) => cases.map((one) => ({ one, fault })));
    let whole: Promise<unknown> = Promise.resolve();
    const wrong = new Map<Case, Promise<readonly string[]>>();

    before(() => {
      const tell = new Map<Case, (sentences: readonly string[]) => void>();
      for (const { one } of chosen) wrong.set(one, new Promise((resolve) => tell.set(one, resolve)));
      whole = runBatches(new Map([[host, batches]]), ({ batch, outcomes }) => {
        batch.cases.forEach((one, index) =>
          tell.get(one)?.(outcomes[index]?.wrong ?? ["nothing came of it"]),
        );
      }).then(
        () => undefined,
        (error: unknown) => {
          for (const say of tell.values()) say(["it was not run"]); // those that are told already stay so
          return error;
        },
      );
    });
    after(async () => {
      assert.equal(await whole, undefined);
      await engine(host).clean();
    });

    for (const { one, fault } of chosen) {
      it(`${faultOf(fault).says}: ${titleOf(one)}`, async function () {
        this.timeout(1_800_000); // many at a time, in another order
        const sentences = (await wrong.get(one)) ?? ["nothing came of it"];
        assert.ok(sentences.length === 0, sentences.join("\n"));
      });
    }
  });
}
