import assert from "node:assert/strict";
import { answerOnce } from "../../../services/hook-executor/answer-once.ts";

describe("an answer", () => {
  const counted = (limit: number, make = (text: string) => Promise.resolve(text.toUpperCase())) => {
    const made: string[] = [];
    const answer = answerOnce(limit, (text: string) => {
      made.push(text);
      return make(text);
    });
    return { made, answer };
  };

  it("is made once for an id, also for those who ask while it is made", async () => {
    const { made, answer } = counted(10);
    assert.deepEqual(await Promise.all([answer("1", "a"), answer("1", "b")]), ["A", "A"]);
    assert.equal(await answer("1", "c"), "A");
    assert.deepEqual(made, ["a"]);
  });

  it("is remembered for the last ids only", async () => {
    const { made, answer } = counted(2);
    for (const id of ["1", "2", "3", "2", "1"]) await answer(id, id);
    assert.deepEqual(made, ["1", "2", "3", "1"]);
  });

  it("that could not be made is tried again", async () => {
    let tries = 0;
    const { answer } = counted(10, () =>
      ++tries === 1 ? Promise.reject(new Error("cut")) : Promise.resolve("ok"),
    );
    await assert.rejects(answer("1", "a"), /cut/);
    assert.equal(await answer("1", "a"), "ok");
  });
});
