import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { Collector } from "../../shared/collector.ts";

const PACE = { quietMs: 20, mostMs: 100, gapMs: 300, capacity: 5 };

/** A clock that a test sets, with sleepers that wake as it passes their time. */
function handClock({ perLook = 0 } = {}) {
  let now = 0;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  const settle = async (): Promise<void> => {
    for (let n = 0; n < 10; n++) await Promise.resolve();
  };
  return {
    get sleeping() {
      return sleepers.size;
    },
    monotonic: () => (now += perLook),
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        const sleeper = { at: now + ms, wake: resolve };
        const wake = (): void => {
          sleepers.delete(sleeper);
          resolve();
        };
        if (signal?.aborted === true) return wake();
        sleepers.add({ ...sleeper, wake });
        signal?.addEventListener("abort", () => {
          for (const one of sleepers) if (one.wake === wake) sleepers.delete(one);
          resolve();
        });
      }),
    /** As where the process is busy: its timers are late. */
    skip: (ms: number) => void (now += ms),
    pass: async (ms: number) => {
      await settle();
      now += ms;
      for (const sleeper of sleepers)
        if (sleeper.at <= now) {
          sleepers.delete(sleeper);
          sleeper.wake();
        }
      await settle();
    },
  };
}

function collector(pace = PACE, looks = {}) {
  const clock = handClock(looks);
  const stop = new AbortController();
  return { clock, stop, things: new Collector<number>({ ...pace, clock, signal: stop.signal }) };
}
const keysOf = (taken: ReadonlyMap<string, number>): string[] => [...taken.keys()];

describe("the collector", () => {
  it("gives out together what came until nothing more came for a moment", async () => {
    const { clock, things } = collector();
    const { due } = things;
    for (const [n, key] of ["a", "b", "a"].entries()) {
      assert.ok(things.add(key, n));
      await clock.pass(15);
      assert.deepEqual(keysOf(things.take()), []);
      assert.equal(due.aborted, false);
    }
    await clock.pass(5);
    assert.ok(due.aborted && things.due.aborted);
    assert.deepEqual([...things.take()], [["a", 2], ["b", 1]]); // prettier-ignore
    assert.equal(things.due.aborted, false);
  });

  it("does not wait for ever where more and more comes", async () => {
    const { clock, things } = collector();
    for (let ms = 0; ms < 100; ms += 10) {
      assert.equal(things.due.aborted, false, String(ms));
      things.add("a", ms);
      await clock.pass(10);
    }
    assert.deepEqual([...things.take()], [["a", 90]]);
  });

  it("gives a key out again only when its gap is over, and another meanwhile", async () => {
    const { clock, things } = collector();
    things.add("a", 1);
    await clock.pass(20);
    things.take();
    things.add("a", 2);
    await clock.pass(50);
    assert.equal(things.due.aborted, false);
    things.add("b", 3);
    const { due } = things;
    await clock.pass(20);
    assert.ok(due.aborted);
    assert.deepEqual(keysOf(things.take()), ["b"]);
    const rest = things.due;
    await clock.pass(229);
    assert.equal(rest.aborted, false);
    await clock.pass(1);
    assert.ok(rest.aborted);
    assert.deepEqual([...things.take()], [["a", 2]]);
  });

  it("keeps due what was due once, also where more comes before it is taken", async () => {
    const { clock, things } = collector();
    things.add("a", 1);
    await clock.pass(20);
    things.add("b", 2);
    assert.ok(things.due.aborted);
    assert.deepEqual(keysOf(things.take()), ["a", "b"]);
    things.add("c", 3);
    assert.equal(things.due.aborted, false);
  });

  it("wakes nobody where what was due has been taken before its time was noticed", async () => {
    const { clock, things } = collector();
    things.add("a", 1);
    clock.skip(20);
    assert.deepEqual(keysOf(things.take()), ["a"]);
    const { due } = things;
    await clock.pass(0);
    assert.equal(due.aborted, false);
  });

  it("gives out what is due by a clock that goes on while it is looked at, as a real one does", async () => {
    const { clock, things } = collector(PACE, { perLook: 0.001 });
    const { due } = things;
    things.add("a", 1);
    await clock.pass(21);
    assert.ok(due.aborted && things.due.aborted);
    assert.deepEqual(keysOf(things.take()), ["a"]);
  });

  it("takes no more keys than it has room for", () => {
    const { things } = collector();
    const taken = ["a", "b", "c", "d", "e", "f", "a"].map((key) => things.add(key, 1));
    assert.deepEqual(taken, [true, true, true, true, true, false, true]);
  });

  it("runs no timer while it is empty, and none after its end", async () => {
    const { clock, things, stop } = collector();
    assert.equal(clock.sleeping, 0);
    things.add("a", 1);
    assert.equal(clock.sleeping, 1);
    await clock.pass(20);
    things.take();
    assert.equal(clock.sleeping, 0);
    things.add("a", 1);
    stop.abort();
    await clock.pass(0);
    assert.equal(clock.sleeping, 0);
  });

  it("loses nothing, and wakes whoever waits, whatever comes when", async () => {
    const step = fc.record({ key: fc.constantFrom("a", "b", "c"), ms: fc.integer({ min: 0, max: 150 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, things } = collector();
        const [waiting, given] = [new Map<string, number>(), new Map<string, number>()];
        const takeAll = (): void => {
          for (const [key, value] of things.take()) {
            assert.equal(value, waiting.get(key));
            assert.ok(clock.monotonic() - (given.get(key) ?? -1000) >= PACE.gapMs);
            given.set(key, clock.monotonic());
            waiting.delete(key);
          }
        };
        for (const [n, { key, ms }] of steps.entries()) {
          assert.ok(things.add(key, n));
          waiting.set(key, n);
          await clock.pass(ms);
          takeAll();
        }
        for (let n = 0; waiting.size > 0; n++) {
          assert.ok(n < 3, "it does not come");
          const { due } = things;
          await clock.pass(PACE.gapMs + PACE.mostMs);
          assert.ok(due.aborted);
          takeAll();
        }
      }),
    );
  });
});
