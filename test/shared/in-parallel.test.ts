import assert from "node:assert/strict";
import { setImmediate as soon } from "node:timers/promises";
import { inParallel } from "../../shared/in-parallel.ts";

/** Work that notes the most that ran at a time, in all and with the same first letter. */
function watched() {
  const running: string[] = [];
  const most = { all: 0, a: 0 };
  const work = async (item: string): Promise<string> => {
    running.push(item);
    most.all = Math.max(most.all, running.length);
    most.a = Math.max(most.a, running.filter((one) => one.startsWith("a")).length);
    for (let n = 0; n < 5; n++) await soon();
    running.splice(running.indexOf(item), 1);
    return item.toUpperCase();
  };
  return { most, running, work };
}
const items = [
  ...Array.from({ length: 20 }, (_, n) => `a${n}`),
  ...Array.from({ length: 5 }, (_, n) => `b${n}`),
];

describe("work in parallel", () => {
  it("gives results in the order of the items", async () => {
    const { work } = watched();
    assert.deepEqual(
      await inParallel(items, { all: 3 }, work),
      items.map((item) => item.toUpperCase()),
    );
  });

  it("is bounded, and used up to the bound", async () => {
    const { most, work } = watched();
    await inParallel(items, { all: 3 }, work);
    assert.equal(most.all, 3);
  });

  it("is bounded for each key, and others pass those that wait", async () => {
    const { most, work } = watched();
    await inParallel(items, { all: 8, each: 4, keyOf: (item) => item[0] ?? "" }, work);
    assert.deepEqual(most, { all: 8, a: 4 });
  });

  it("is nothing for no items", async () =>
    assert.deepEqual(await inParallel([], { all: 3 }, watched().work), []));

  it("fails with the first failure, once nothing runs any more", async () => {
    const { running, work } = watched();
    const failing = async (item: string): Promise<string> => {
      if (item === "a5") throw new Error("a5 went wrong");
      return work(item);
    };
    await assert.rejects(inParallel(items, { all: 3 }, failing), /a5 went wrong/);
    assert.deepEqual(running, []);
  });
});
