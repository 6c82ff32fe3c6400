// Half an hour of everything at once: a project of ten services whose images move, good and bad, while its owner, their
// scripts, another updater, prunes, the Engine and the power do what they like. It prints its seed; to replay it:
//   OUROBOROS_CHAOS_SEED=123 npm test -- --full test/end-to-end/chaos.full-test.ts
// OUROBOROS_CHAOS_MINUTES makes it shorter, OUROBOROS_CHAOS_ENGINES=20.10 takes one Engine only; NODE_DEBUG=chaos tells the
// acts as they go, and OUROBOROS_CHAOS_WITHOUT=prune leaves out the acts that it matches. Other times of the machine make
// other things meet: a seed replays the acts, not their outcome.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "mocha";
import { writeSection } from "../support/docs-sections.ts";
import { type ChaosResult, runChaos } from "./chaos/run-chaos.ts";
import { tableOf } from "./chaos/table.ts";

const HALF_AN_HOUR = 30;
const { OUROBOROS_CHAOS_SEED, OUROBOROS_CHAOS_MINUTES, OUROBOROS_CHAOS_ENGINES, OUROBOROS_CHAOS_WITHOUT } =
  process.env;
const seed = Number(OUROBOROS_CHAOS_SEED ?? randomInt(1_000_000));
const minutes = Number(OUROBOROS_CHAOS_MINUTES ?? HALF_AN_HOUR);
const engines = (OUROBOROS_CHAOS_ENGINES ?? "28.5 20.10").split(" ");
const hosts: Readonly<Record<string, number>> = { "28.5": 1, "20.10": 2 };

describe(`a project of ten services in chaos (seed ${seed})`, () => {
  it(`is whole after each calm, for ${minutes} minutes on Engine ${engines.join(" and ")}`, async function () {
    this.timeout((minutes + 15) * 60_000);
    const ran: ChaosResult[] = await Promise.all(
      engines.map((engine, nth) =>
        runChaos({
          ...{ engine, host: hosts[engine] ?? 0, minutes },
          seed: seed + (engine === "20.10" ? 1 : 0),
          env: { CLEANUP: String(nth === 0) },
          ...(OUROBOROS_CHAOS_WITHOUT && { without: new RegExp(OUROBOROS_CHAOS_WITHOUT) }),
        }),
      ),
    );
    const table = tableOf(ran.map(({ results }) => results));
    const isWhole = minutes >= HALF_AN_HOUR && engines.length > 1 && !OUROBOROS_CHAOS_WITHOUT;
    if (isWhole) await writeSection("chaos", table);
    else console.log(table);
    assert.deepEqual(
      ran.flatMap(({ violated }) => violated.flatMap(({ sentences }) => sentences)),
      [],
    );
  });
});
