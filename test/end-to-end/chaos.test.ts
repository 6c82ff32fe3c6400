// A short piece of the chaos test (chaos.full-test.ts), so that it keeps working; and its pure parts.
import assert from "node:assert/strict";
import { type Context, describe, it } from "mocha";
import { runChaos } from "./chaos/run-chaos.ts";
import { roundAt } from "./chaos/schedule.ts";
import { INITIAL_STATES, afterEngine, change, renamed, want } from "./chaos/desired-states.ts";
import { itInFullRun } from "../support/full-run.ts";

const done = { ok: true, isBusy: false };
const beside = { ok: true, isBusy: true };
const stopped = change(INITIAL_STATES, "web", want("stopped", done));

describe("the chaos test", () => {
  it("makes the same rounds of the same seed, and others of another", () => {
    assert.deepEqual(roundAt(7, 3), roundAt(7, 3));
    assert.notDeepEqual(roundAt(7, 3), roundAt(8, 3));
    assert.notDeepEqual(roundAt(7, 3), roundAt(7, 4));
  });

  const states = [
    ["what was stopped is to be stopped", stopped.web.states, ["stopped"]],
    [
      "what was stopped beside an update may run",
      want("stopped", beside)(INITIAL_STATES.web).states,
      ["running", "stopped"],
    ],
    [
      "what was started runs, also beside an update",
      want("running", beside)(stopped.web).states,
      ["running"],
    ],
    [
      "what could not be removed may be there",
      want("absent", { ok: false, isBusy: false })(INITIAL_STATES.web).states,
      ["running", "absent"],
    ],
    [
      "what could not be started may be down",
      want("running", { ok: false, isBusy: false })(INITIAL_STATES.web).states,
      ["running", "stopped"],
    ],
    ["`always` runs after the Engine was started", afterEngine(INITIAL_STATES).web.states, ["running"]],
    ["`always` may run again though it was stopped", afterEngine(stopped).web.states, ["stopped", "running"]],
    [
      "`no` may be down after the Engine was started",
      afterEngine(INITIAL_STATES).cron.states,
      ["running", "stopped"],
    ],
    ["a new name is the name", renamed("other", done)(INITIAL_STATES.web).names, ["other"]],
    [
      "beside an update either is",
      renamed("other", beside)(INITIAL_STATES.web).names,
      ["chaos-web-1", "other"],
    ],
  ] as const;
  for (const [sentence, found, expected] of states)
    it(`knows what the owner wants: ${sentence}`, () => assert.deepEqual(found, expected));

  itInFullRun("plays a round and finds all as it should be", async function (this: Context) {
    this.timeout(300_000);
    const { results, violated } = await runChaos({
      ...{ engine: "28.5", host: 1, seed: 22, minutes: 5 },
      ...{ rounds: 1, acts: 4 },
    });
    assert.equal(results.rounds[0]?.played.length, 4);
    assert.deepEqual(
      violated.map(({ report }) => report),
      [],
    );
  });
});
