import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { VerdictWord } from "../../../shared/contract/messages.ts";
import { heaviestOf, isDecisive, outweighs } from "../../../shared/contract/verdict-precedence.ts";

describe("the precedence of verdicts", () => {
  const order: VerdictWord[] = ["proceed", "defer", "refuse"];

  it("has every verdict", () => assert.deepEqual(order.toSorted(), VerdictWord.options.toSorted()));

  for (const [i, one] of order.entries())
    for (const [j, other] of order.entries())
      it(`${one} ${i > j ? "wins over" : "does not win over"} ${other}`, () =>
        assert.equal(outweighs(one, other), i > j));

  it("lets nothing win over a refusal", () => assert.deepEqual(order.map(isDecisive), [false, false, true]));

  it("names the first of the heaviest", () => {
    const said: [string, VerdictWord][] = [
      ["a", "proceed"],
      ["b", "defer"],
      ["c", "defer"],
    ];
    assert.equal(heaviestOf(said, ([, word]) => word)?.[0], "b");
    assert.equal(
      heaviestOf([], (word: VerdictWord) => word),
      undefined,
    );
  });
});
