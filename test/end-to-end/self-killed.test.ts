/**
 * A self-update that is cut, each of its processes once: the image as it is but for what kills it, on a real Engine. Each
 * point on each Engine, the way back, and the Engine and the power, are self-killed.full-test.ts's.
 */
import assert from "node:assert/strict";
import { engine } from "../bed/bed.ts";
import { onceEach, titleOf } from "./self-killed/cases.ts";
import { runCases } from "./self-killed/run-case.ts";

const HOST = 1;
const one = onceEach("ports");

describe("a self-update that is cut comes back by itself", function () {
  this.timeout(600_000);
  let outcomes: Awaited<ReturnType<typeof runCases>> = new Map();

  before("the images", async () => {
    outcomes = await runCases(new Map([[HOST, [one]]]));
  });
  after(async () => {
    await Promise.allSettled(outcomes.values());
    await engine(HOST).clean();
  });

  it(titleOf(one), async () => assert.equal((await outcomes.get(one))?.join("\n"), ""));
});
