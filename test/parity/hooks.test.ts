import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { hookNames, hooks } from "../../shared/contract/hooks.ts";
import { updateable } from "../../shared/contract/payloads.ts";
import { addedHooks, addedLocals, locals, order, updateableItem } from "./hooks.ts";

describe("the table of hooks", () => {
  it("has Ouroboros' hooks, all 14, those for services and no other", () => {
    assert.deepEqual([...hookNames].sort(), [...Object.keys(locals), ...addedHooks].sort());
    assert.equal(Object.keys(locals).length, 14);
  });

  for (const [hook, known] of Object.entries(locals) as [keyof typeof locals, readonly string[]][]) {
    it(`gives ${hook} the locals that its scripts know`, () => {
      const names = [...known, ...(addedLocals[hook] ?? [])];
      assert.deepEqual(Object.keys(hooks[hook].locals.shape).sort(), names.sort());
    });
  }

  it("gives each update as container, current and latest image, and with a tag policy its tag", () => {
    assert.deepEqual(Object.keys(updateable().shape), [...updateableItem, "tag"]);
  });

  it("fires every hook of an ordinary cycle", () => {
    for (const hook of order.flatMap((phase) => phase.hooks)) assert.ok(hooks[hook].fired, hook);
  });
});
