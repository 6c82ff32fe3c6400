/**
 * A self-update that is cut, each of its processes once, on the way forth and on the way back: the image as it is but for what
 * kills it, on real Engines. Each point on each Engine, and the Engine and the power, are self-killed.full-test.ts's.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { engine, engineSocket } from "../bed/bed.ts";
import { onceEach, rollbackCases, titleOf } from "./self-killed/cases.ts";
import { runCases } from "./self-killed/run-case.ts";

const hosts = [1, 2, 3].filter((n) => existsSync(engineSocket(n)));
const cases = [onceEach("ports"), ...rollbackCases("run").slice(0, 1)];

describe("a self-update that is cut comes back by itself", function () {
  this.timeout(600_000); // they run side by side
  let outcomes: ReadonlyMap<unknown, Promise<readonly string[]>> = new Map();

  before("the images", async () => {
    outcomes = await runCases(new Map(hosts.map((host) => [host, cases])));
  });
  after(async () => {
    await Promise.allSettled(outcomes.values());
    for (const host of hosts) await engine(host).clean();
  });

  for (const one of cases)
    it(titleOf(one), async () => assert.equal((await outcomes.get(one))?.join("\n"), ""));
});
