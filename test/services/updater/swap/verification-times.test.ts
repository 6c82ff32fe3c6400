import assert from "node:assert/strict";
import {
  type VerificationTimes,
  readVerificationTimes,
} from "../../../../services/updater/swap/verification-times.ts";

const HEALTH = "com.ouroboros.health_timeout";
const SETTLE = "com.ouroboros.settle_time";
const bySettings: VerificationTimes = { healthTimeout: undefined, settleTime: 10_000, wrong: [] };
const because = "allowed is a number of seconds, or a number with ms, s, m, h, d, w";

describe("the times of a proof", () => {
  const cases: readonly [string, Record<string, string>, Partial<VerificationTimes>][] = [
    ["are the settings' without labels", {}, {}],
    [
      "are the container's own with labels",
      { [HEALTH]: "5m", [SETTLE]: "30" },
      { healthTimeout: 300_000, settleTime: 30_000 },
    ],
    ["may differ in one", { [SETTLE]: "200ms" }, { settleTime: 200 }],
    ["may be nothing", { [SETTLE]: "0" }, { settleTime: 0 }],
    ["are the settings' where a label is empty", { [HEALTH]: "", [SETTLE]: " " }, {}],
    [
      "are the settings' where a label cannot be understood, which is told",
      { [HEALTH]: "soon", [SETTLE]: "-1" },
      {
        wrong: [
          { label: HEALTH, value: "soon", because },
          { label: SETTLE, value: "-1", because },
        ],
      },
    ],
    [
      "are not all the settings' where one label cannot be understood",
      { [HEALTH]: "1m", [SETTLE]: "1 fortnight" },
      { healthTimeout: 60_000, wrong: [{ label: SETTLE, value: "1 fortnight", because }] },
    ],
    [
      "are a day at most, which is told",
      { [HEALTH]: "999999999w", [SETTLE]: "25h" },
      {
        ...{ healthTimeout: 86_400_000, settleTime: 86_400_000 },
        wrong: [
          { label: HEALTH, value: "999999999w", because: "a day at most" },
          { label: SETTLE, value: "25h", because: "a day at most" },
        ],
      },
    ],
  ];
  for (const [sentence, labels, expected] of cases)
    it(sentence, () =>
      assert.deepEqual(readVerificationTimes(labels, { HEALTH_TIMEOUT: undefined, SETTLE_TIME: 10_000 }), {
        ...bySettings,
        ...expected,
      }),
    );

  it("let a label beat a health timeout that is set", () => {
    const settings = { HEALTH_TIMEOUT: 1000, SETTLE_TIME: 10_000 };
    assert.equal(readVerificationTimes({ [HEALTH]: "2" }, settings).healthTimeout, 2000);
    assert.equal(readVerificationTimes({}, settings).healthTimeout, 1000);
  });
});
