import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { awaitTurn, checkLock, recordIntent } from "../../../../services/updater/swap/before-stop.ts";
import { SILENT_OBSERVER } from "../../../../services/updater/swap/recreate-dependants.ts";
import { runSteps } from "../../../../services/updater/swap/saga.ts";
import { swapSteps } from "../../../../services/updater/swap/swap-steps.ts";
import type { Swap, SwapStep } from "../../../../services/updater/swap/swap-state.ts";

describe("what an update waits for before the first stop", () => {
  it("is a step of its own each, whose time counts as no other step's", async () => {
    let now = 0;
    const takes = (ms: number) => () => {
      now += ms;
      return Promise.resolve();
    };
    const beforeStop = { awaitTurn: takes(5000), recordIntent: takes(300), checkLock: takes(20) };
    const made: SwapStep = { name: "made", isDone: () => false, do: takes(1) };
    const times: Record<string, number> = {};
    await runSteps(
      [made, awaitTurn, recordIntent, checkLock, { ...made, name: "stop" }],
      { beforeStop, successor: "2e", name: "web" } as unknown as Swap,
      { ...SILENT_OBSERVER, monotonic: () => now, onDone: (step, ms) => void (times[step] = ms) },
    );
    assert.deepEqual(times, {
      ...{ made: 1, [awaitTurn.name]: 5000, [recordIntent.name]: 300, [checkLock.name]: 20, stop: 1 },
    });
  });

  it("comes after the successor was made, in this order, and the lock last", () => {
    const at = [awaitTurn, recordIntent, checkLock].map((step) => swapSteps.indexOf(step));
    assert.deepEqual(at, [1, 2, 3]);
    assert.equal(swapSteps[0]?.name, "create the successor");
  });
});
