import assert from "node:assert/strict";
import { newRunId } from "../../../../services/poller/plan/run-id.ts";

describe("a run's id", () => {
  it("is fit for subjects and names", () => assert.match(newRunId(Date.now()), /^[0-9a-hjkmnp-tv-z]{26}$/));

  it("is a ULID in lower case", () =>
    assert.equal(newRunId(1_469_918_176_385, new Uint8Array(16)), `01aryz6s41${"0".repeat(16)}`));

  it("sorts in the order of making", () => {
    const times = [0, 1, 31, 32, 1e12, 1e12 + 1, 2e12];
    const ids = times.map((time) => newRunId(time));
    assert.deepEqual(ids.toSorted(), ids);
  });

  it("is never made twice", () =>
    assert.equal(new Set(Array.from({ length: 10_000 }, () => newRunId(0))).size, 10_000));
});
