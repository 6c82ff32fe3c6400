import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { healthLimit } from "../../../../services/updater/swap/verify-container.ts";

const S = 1e9;

/** [what its health check says, in nanoseconds where it is a time, the limit in seconds] */
const cases = [
  ["nothing", {}, 210],
  ["its own times", { StartPeriod: 10 * S, Interval: 2 * S, Timeout: S, Retries: 4 }, 52],
  ["retries below zero", { Interval: S, Timeout: S, Retries: -5 }, 36],
  ["times below zero", { StartPeriod: -S, Interval: -S, Timeout: -S, Retries: 1 }, 90],
  ["an interval of a year", { Interval: 31_536_000 * S, Timeout: S, Retries: 3 }, 3600],
  ["a million retries", { Interval: S, Timeout: S, Retries: 1_000_000 }, 3600],
] as const;

describe("how long a health check is waited for", () => {
  for (const [sentence, Healthcheck, seconds] of cases)
    it(`is bounded where it says ${sentence}`, () => {
      assert.equal(healthLimit({ Config: { Healthcheck } }, { healthTimeout: undefined }), seconds * 1000);
    });
});
