import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type WaitOptions, GateWait } from "../../../../services/updater/gate/gate-wait.ts";

const asked = (name: string) => ({ name, timeout_ms: 1000, max_ms: 3000, on_timeout: "defer" as const });
const none = new Map<string, number>();
const waitFor = (more: Partial<WaitOptions> = {}): GateWait =>
  new GateWait(
    {
      event: "e",
      hook: "before_update",
      asked: [asked("a"), asked("b")],
      elapsed: 0,
      atMost: Infinity,
      ...more,
    },
    0,
  );

describe("a wait", () => {
  it("is over when all have answered", () => {
    const waiting = waitFor();
    waiting.receive(asked("a"), 1, { verdict: "proceed" }, 10);
    assert.equal(waiting.isDecided(), false);
    waiting.receive(asked("b"), 2, { verdict: "defer" }, 20);
    assert.equal(waiting.isDecided(), true);
  });

  it("is over with the first refusal where a refusal counts, and only there", () => {
    const [counts, doesNot] = [waitFor(), waitFor({ hook: "before_start_depends_container" })];
    for (const waiting of [counts, doesNot]) waiting.receive(asked("a"), 1, { verdict: "refuse" }, 10);
    assert.deepEqual([counts.isDecided(), doesNot.isDecided()], [true, false]);
  });

  it("is over with the operator's verdict, who is never waited for", () => {
    const waiting = waitFor();
    const operator = { name: "operator" };
    assert.deepEqual(
      waiting.voters.map(({ name }) => name),
      ["a", "b", "operator"],
    );
    assert.ok(!waiting.pending.some(({ name }) => name === "operator"));
    waiting.receive(operator, 1, undefined, 10);
    assert.equal(waiting.isDecided(), false);
    waiting.receive(operator, 2, { verdict: "defer" }, 20);
    assert.equal(waiting.isDecided(), true);
  });

  it("takes the first valid verdict and reads past junk", () => {
    const waiting = waitFor();
    waiting.receive(asked("a"), 4, undefined, 10);
    assert.deepEqual([waiting.hasVerdictOf(asked("a")), waiting.cursorOf(asked("a"))], [false, 5]);
    waiting.receive(asked("a"), 7, { verdict: "proceed" }, 20);
    waiting.receive(asked("a"), 8, { verdict: "refuse" }, 30);
    assert.equal(waiting.received[0]?.verdict, "proceed");
  });

  const times: [string, Partial<WaitOptions>, Map<string, number>, number][] = [
    ["ends after the participant's time", {}, none, 1000],
    [
      "is longer by progress",
      {},
      new Map([
        ["a", 900],
        ["b", 900],
      ]),
      1900,
    ],
    [
      "but never longer than the most it may take",
      {},
      new Map([
        ["a", 2900],
        ["b", 2900],
      ]),
      3000,
    ],
    ["is shorter while something is stopped", { atMost: 400 }, none, 400],
    ["leaves ten seconds after a restart", { elapsed: 5000 }, none, 10_000],
  ];
  for (const [sentence, wait, progress, end] of times) {
    it(sentence, () => {
      const waiting = waitFor(wait);
      waiting.expire(end - 1, progress);
      assert.equal(waiting.pending.length, 2);
      assert.equal(waiting.msUntilNextDeadline(end - 1, progress, 5000), 1);
      waiting.expire(end, progress);
      assert.deepEqual(
        waiting.received.map(({ verdict, timed_out: late }) => [verdict, late]),
        [
          ["defer", true],
          ["defer", true],
        ],
      );
    });
  }

  const hub = { trouble: "the hub is out of reach" };

  it("cut off from its hub is put off at once where nothing was begun, and has its time where something was", () => {
    const [before, after] = [waitFor(), waitFor({ hook: "after_update" })];
    for (const waiting of [before, after]) waiting.applyHubOutage({ ...hub, away: "stop" }, "a", 10);
    assert.deepEqual([before.isDecided(), after.isDecided()], [true, false]);
    assert.deepEqual(
      before.received.map(({ verdict, reason }) => [verdict, reason]),
      [["defer", hub.trouble]],
    );
  });

  it("cut off from its hub goes on with its own host's verdict where the owner wants that", () => {
    const waiting = waitFor();
    waiting.applyHubOutage({ ...hub, away: "local" }, "a", 10);
    assert.equal(waiting.isDecided(), false);
    waiting.receive(asked("a"), 1, { verdict: "refuse" }, 20);
    assert.equal(waiting.isDecided(), true);
    assert.deepEqual(
      waiting.received.map(({ participant, verdict }) => `${participant} ${verdict}`),
      ["b proceed", "a refuse"],
    );
  });
});
