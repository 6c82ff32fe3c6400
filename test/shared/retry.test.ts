import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { Backoff, retry } from "../../shared/retry.ts";

/** A clock whose pauses take no time. */
function countingClock(): { readonly clock: Clock; readonly slept: number[] } {
  const slept: number[] = [];
  const sleep = (ms: number): Promise<void> => Promise.resolve(void slept.push(ms));
  return { clock: { ...systemClock, sleep }, slept };
}

describe("pauses between attempts", () => {
  it("double up to the longest, and begin anew after a success", async () => {
    const { clock, slept } = countingClock();
    const backoff = new Backoff(clock, { first: 100, most: 350 });
    for (let n = 0; n < 4; n++) await backoff.pause();
    assert.equal(backoff.next, 350);
    backoff.reset();
    assert.equal(backoff.next, 100);
    await backoff.pause();
    assert.deepEqual(slept, [100, 200, 350, 350, 100]);
  });

  it("end when the signal aborts", async () => {
    const began = performance.now();
    await new Backoff(systemClock, { first: 60_000, most: 60_000 }).pause(AbortSignal.abort());
    assert.ok(performance.now() - began < 30_000);
  });
});

describe("an attempt that is repeated", () => {
  const failing = (times: number) => {
    const state = { attempts: 0 };
    const attempt = (): Promise<number> => {
      state.attempts += 1;
      return state.attempts > times ? Promise.resolve(state.attempts) : Promise.reject(new Error("not yet"));
    };
    return { state, attempt };
  };

  it("resolves with the first success, and tells each failure", async () => {
    const { clock, slept } = countingClock();
    const told: number[] = [];
    const options = { clock, signal: new AbortController().signal, intervalMs: 500 };
    const onFailure = (_error: unknown, attempts: number) => void told.push(attempts);
    assert.equal(await retry(failing(2).attempt, { ...options, onFailure }), 3);
    assert.deepEqual(
      [slept, told],
      [
        [500, 500],
        [1, 2],
      ],
    );
  });

  it("ends with what the listener throws", async () => {
    const { clock } = countingClock();
    const { attempt, state } = failing(5);
    const onFailure = (error: unknown, attempts: number): void => {
      if (attempts === 2) throw error;
    };
    const options = { clock, signal: new AbortController().signal, intervalMs: 1, onFailure };
    await assert.rejects(retry(attempt, options), /not yet/);
    assert.equal(state.attempts, 2);
  });

  it("ends without a result when the service stops, and does not begin after that", async () => {
    const { clock } = countingClock();
    const stop = new AbortController();
    const { attempt, state } = failing(5);
    const options = { clock, signal: stop.signal, intervalMs: 1, onFailure: () => stop.abort() };
    assert.deepEqual([await retry(attempt, options), await retry(attempt, options)], [undefined, undefined]);
    assert.equal(state.attempts, 1);
  });
});
