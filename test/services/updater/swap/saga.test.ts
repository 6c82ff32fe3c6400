import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Step, type StepObserver, runSteps, tryAll } from "../../../../services/updater/swap/saga.ts";

const names = ["create", "stop", "rename", "start"];
const silent: StepObserver = {
  onBegin: () => undefined,
  onDone: () => undefined,
  onUndone: () => undefined,
  onTried: () => undefined,
  monotonic: () => 0,
  shouldRetry: () => Promise.resolve(false),
};

const stepsThatBreakAt = (bad: string, seen: string[], badUndo?: string): Step<null>[] =>
  names.map((name) => ({
    name,
    do: () => {
      seen.push(`+${name}`);
      return name === bad ? Promise.reject(new Error("boom")) : Promise.resolve();
    },
    undo: () => {
      seen.push(`-${name}`);
      return name === badUndo ? Promise.reject(new Error("worse")) : Promise.resolve();
    },
  }));

describe("a saga", () => {
  for (const [i, bad] of names.entries()) {
    it(`that fails at "${bad}" undoes that step and every one before it, last first (S1)`, async () => {
      const seen: string[] = [];
      const outcome = await runSteps(stepsThatBreakAt(bad, seen), null, silent);
      assert.equal(outcome.kind, "undone");
      const begun = names.slice(0, i + 1);
      assert.deepEqual(seen, [
        ...begun.map((name) => `+${name}`),
        ...begun.toReversed().map((name) => `-${name}`),
      ]);
    });
  }

  it("undoes with them what an earlier process began", async () => {
    const seen: string[] = [];
    const steps = stepsThatBreakAt("start", seen);
    await runSteps(steps.slice(2), null, silent, steps.slice(0, 2));
    assert.deepEqual(seen, ["+rename", "+start", "-start", "-rename", "-stop", "-create"]);
  });

  it("does some of them again, and undoes each once", async () => {
    const seen: string[] = [];
    const steps = stepsThatBreakAt("start", seen);
    const again = steps.filter(({ name }) => name !== "create" && name !== "rename");
    await runSteps(again, null, silent, steps.slice(0, 3));
    assert.deepEqual(seen, ["+stop", "+start", "-start", "-rename", "-stop", "-create"]);
  });

  it("goes on undoing after one undo failed, and is stuck (S3)", async () => {
    const seen: string[] = [];
    const outcome = await runSteps(stepsThatBreakAt("start", seen, "rename"), null, silent);
    assert.equal(outcome.kind, "stuck");
    assert.deepEqual(outcome.kind === "stuck" && outcome.left.map(({ step }) => step), ["rename"]);
    assert.deepEqual(seen.slice(4), ["-start", "-rename", "-stop", "-create"]);
  });

  it("tells of acts that are tried until they are done, in their order, and undoes none", async () => {
    const told: string[] = [];
    let failures = 1;
    const once = () => (failures-- > 0 ? Promise.reject(new Error("busy")) : Promise.resolve());
    const acts = [
      { name: "first", do: once },
      { name: "second", do: () => Promise.resolve() },
    ];
    const left = await tryAll(acts, null, {
      onTried: (act, error) => told.push(`${act} ${error === undefined ? "done" : "failed"}`),
      shouldRetry: () => Promise.resolve(true),
    });
    assert.deepEqual([left, told], [[], ["first failed", "second done", "first done"]]);
  });
});
