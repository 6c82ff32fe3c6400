import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Semaphore } from "../../../services/updater/semaphore.ts";

describe("places", () => {
  it("are taken in the order they were asked for; who must not wait goes first", async () => {
    const places = new Semaphore(1);
    const order: string[] = [];
    const work = async (name: string, first: boolean): Promise<void> => {
      using _place = await places.take({ first });
      order.push(name);
    };
    await Promise.all([work("a", false), work("b", false), work("c", false), work("d", true)]);
    assert.deepEqual(order, ["a", "d", "b", "c"]);
  });

  it("are given back once, also where that is done twice", async () => {
    const places = new Semaphore(1);
    const place = await places.take();
    place[Symbol.dispose]();
    place[Symbol.dispose]();
    using _first = await places.take();
    let second = false;
    void places.take().then(() => (second = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(second, false);
  });
});
