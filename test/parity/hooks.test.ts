import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { hookNames, hooks } from "../../shared/contract/hooks.ts";
import { Updateable } from "../../shared/contract/payloads.ts";
import { locals, order, updateableItem } from "./hooks.ts";

describe("the table of hooks", () => {
  it("has Ouroboros' hooks, all 14 and no other", () => {
    assert.deepEqual([...hookNames].sort(), Object.keys(locals).sort());
    assert.equal(hookNames.length, 14);
  });

  for (const hook of hookNames) {
    it(`gives ${hook} the locals that its scripts know`, () => {
      assert.deepEqual(Object.keys(hooks[hook].locals.shape).sort(), [...locals[hook]].sort());
    });
  }

  it("gives each update as container, current and latest image", () => {
    assert.deepEqual(Object.keys(Updateable.shape), [...updateableItem]);
  });

  it("fires every hook of an ordinary cycle", () => {
    for (const hook of order.flatMap((phase) => phase.hooks)) assert.ok(hooks[hook].fired, hook);
  });
});
