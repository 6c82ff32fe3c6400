import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { ContainerInspection } from "../../../../shared/docker/inspect-documents.ts";
import { observe } from "../../../../services/updater/recover/interrupted-swap.ts";
import { undoSteps } from "../../../../services/updater/swap/saga.ts";
import {
  type ObservedSwap,
  type SwapPhase,
  NOT_BEGUN,
  phaseOf,
} from "../../../../services/updater/swap/swap-phase.ts";
import {
  allSteps,
  isHarmless,
  recreateSteps,
  stepsFrom,
  stepsOfContainer,
  swapSteps,
  undoFrom,
} from "../../../../services/updater/swap/swap-steps.ts";
import { SILENT_OBSERVER } from "../../../../services/updater/swap/recreate-dependants.ts";

const names = (steps: readonly { readonly name: string }[]): string[] => steps.map(({ name }) => name);
const places = ["named", "aside", "gone", "unknown"] as const;
const successors = ["temporary", "named", "none"] as const;
const flags = [false, true];
/** Every combination of what can be observed. */
const everything: readonly ObservedSwap[] = places.flatMap((old) =>
  successors.flatMap((successor) =>
    flags.flatMap((isDependant) =>
      flags.flatMap((isOwn) =>
        flags.map((isCommitted) => ({ old, successor, isDependant, isOwn, isCommitted })),
      ),
    ),
  ),
);
const there = {} as ContainerInspection;
const EXCHANGED = { old: "aside", successor: "named" } as const;

describe("what the names of the containers of a swap show", () => {
  const rows: readonly [string, string, SwapPhase][] = [
    // the containers that are there, what is observed, what recovery does
    ["", "unknown none", "nothing"],
    ["successor", "unknown temporary", "adopt"],
    ["current", "named none", "restore"],
    ["current successor", "named temporary", "roll back"],
    ["backup", "aside none", "restore"],
    ["backup successor", "aside temporary", "roll back"],
    ["backup current", "aside named", "resume"],
    ["backup current successor", "aside temporary", "roll back"],
    ["gone", "gone none", "restore"],
    ["gone successor", "gone temporary", "roll back"],
    ["gone current", "gone named", "resume"],
    ["gone current successor", "gone temporary", "roll back"],
    ["backup gone", "aside none", "restore"],
    ["backup gone successor", "aside temporary", "roll back"],
    ["backup gone current", "aside named", "resume"],
    ["backup gone current successor", "aside temporary", "roll back"],
  ];
  for (const theirs of [[], ["theirs"]])
    for (const [parts, expected, phase] of rows)
      it(`${[...parts.split(" "), ...theirs].join(" and ") || "nothing"}: ${phase}`, () => {
        const has = (part: string) => (parts.split(" ").includes(part) ? there : undefined);
        const gone = has("gone");
        const observed = observe({
          ...{ current: has("current"), successor: has("successor"), backup: has("backup") },
          ...(gone && { gone }),
          ...(theirs.length > 0 && { theirs: there }), // its owner's container changes nothing
        });
        assert.equal(`${observed.old} ${observed.successor}`, expected);
        assert.equal(phaseOf(observed), phase);
      });

  it("with exchanged names: a dependant follows its parent, this process' own has no way back, nor has a committed one", () => {
    for (const observed of everything) {
      const isExchanged =
        (observed.old === "aside" || observed.old === "gone") && observed.successor === "named";
      const { isDependant, isOwn, isCommitted } = observed;
      const refined: SwapPhase = isDependant
        ? "follow parent"
        : isOwn
          ? "resume own"
          : isCommitted
            ? "finish"
            : "resume";
      const { old, successor } = observed;
      assert.equal(phaseOf(observed), isExchanged ? refined : phaseOf({ old, successor }));
    }
  });
});

describe("the steps that are left of a swap", () => {
  const rows: readonly [string, ObservedSwap, readonly string[], readonly string[]][] = [
    ["that was not begun", NOT_BEGUN, names(swapSteps), []],
    [
      "whose names are exchanged",
      EXCHANGED,
      [
        ...["look for dependants", "keep the old image", "stop the old container"],
        ...["park the old container's restart policy", "start the successor", "prove the successor"],
        ...["recreate the dependants", "start recreated dependants", "prove what was updated with it"],
      ],
      names(allSteps.slice(0, names(allSteps).indexOf("give the name to the successor") + 1)),
    ],
    [
      "that replaced this process' own container",
      { ...EXCHANGED, isOwn: true },
      ["look for dependants", "park the old container's restart policy", "recreate the dependants"],
      [],
    ],
    [
      "that was being committed",
      { ...EXCHANGED, isCommitted: true },
      [
        ...["look for dependants", "stop the old container", "park the old container's restart policy"],
        ...["start the successor", "start recreated dependants"],
      ],
      [],
    ],
  ];
  for (const [sentence, observed, left, begun] of rows)
    it(sentence, () => {
      const found = stepsFrom(observed);
      const isRecovery = observed !== NOT_BEGUN;
      const shown = found.left.filter(({ isRecoveryOnly }) => isRecovery || isRecoveryOnly !== true);
      assert.deepEqual(names(shown), left);
      if (["resume", "restore"].includes(phaseOf(observed))) assert.deepEqual(names(found.begun), begun);
    });

  it("stand in one order, and what recreates a dependant is among them", () => {
    for (const observed of everything) {
      const positions = names(stepsFrom(observed).left).map((name) => names(allSteps).indexOf(name));
      assert.deepEqual(
        positions,
        positions.toSorted((a, b) => a - b),
      );
    }
    assert.deepEqual(names(recreateSteps), names(stepsOfContainer));
    assert.deepEqual(names(recreateSteps), [
      ...["create the successor", "stop the old container", "move the old container's name aside"],
      ...["give the name to the successor", "park the old container's restart policy", "start the successor"],
    ]);
  });

  it("touch no running container before the old one is stopped", () =>
    assert.deepEqual(
      names(swapSteps.filter(({ name }) => isHarmless(name))),
      names(swapSteps.slice(0, names(swapSteps).indexOf("stop the old container"))),
    ));
});

describe("what is undone of an interrupted swap", () => {
  const undone = async (observed: ObservedSwap, failing?: string): Promise<string[]> => {
    const seen: string[] = [];
    const steps = undoFrom(observed).map(({ undo, ...step }) => ({
      ...step,
      ...(undo && {
        undo: () => {
          seen.push(step.name);
          return step.name === failing ? Promise.reject(new Error("not now")) : Promise.resolve();
        },
      }),
    }));
    await undoSteps(steps, null as never, SILENT_OBSERVER);
    return seen;
  };
  const ofSuccessor = names(allSteps.filter(({ needsSuccessor }) => needsSuccessor === true));

  it("is every step, last first, where there is a successor", async () => {
    const all = names(allSteps.filter(({ undo }) => undo !== undefined)).toReversed();
    for (const observed of everything.filter(({ successor }) => successor !== "none"))
      assert.deepEqual(await undone(observed), all);
  });

  it("is nothing that removes, renames or stops the successor where there is none: the old container is all there is", async () => {
    assert.ok(ofSuccessor.includes("create the successor"));
    for (const observed of everything.filter(({ successor }) => successor === "none")) {
      const seen = await undone(observed);
      assert.ok(!seen.some((name) => ofSuccessor.includes(name)), seen.join(", "));
      assert.ok(seen.includes("stop the old container"));
    }
  });

  it("is the backup's name after the start where there is no successor, and not before that succeeds", async () => {
    const [start, rename] = ["stop the old container", "move the old container's name aside"];
    const observed = { old: "aside", successor: "none" } as const;
    const seen = await undone(observed);
    assert.ok(seen.indexOf(start) < seen.indexOf(rename));
    assert.ok(seen.indexOf(rename) < seen.indexOf("look for dependants"), "links need the name");
    assert.ok(!(await undone(observed, start)).includes(rename));
  });

  it("leaves the successor as a crash marker while anything else is not undone", async () => {
    for (const { name, undo } of allSteps.filter((step) => step.outlastsFailedUndo !== true && step.undo)) {
      assert.ok(undo);
      const seen = await undone({ old: "aside", successor: "temporary" }, name);
      assert.ok(!seen.includes("create the successor"), name);
    }
  });
});

/** The two containers as the steps change them; a step that is not listed changes neither. */
interface Model {
  readonly old: { readonly name: "named" | "aside"; readonly runs: boolean };
  readonly successor: { readonly name: "temporary" | "named"; readonly runs: boolean } | undefined;
}
const begin: Model = { old: { name: "named", runs: true }, successor: undefined };
type Effect = (model: Model) => Model;
const onOld =
  (change: Partial<Model["old"]>): Effect =>
  (m) => ({ ...m, old: { ...m.old, ...change } });
const onSuccessor =
  (change: Partial<NonNullable<Model["successor"]>>): Effect =>
  (m) => ({
    ...m,
    successor: m.successor && { ...m.successor, ...change },
  });
const effects: Readonly<Record<string, readonly [Effect, Effect]>> = {
  "create the successor": [
    (m) => ({ ...m, successor: { name: "temporary", runs: false } }),
    (m) => ({ ...m, successor: undefined }),
  ],
  "stop the old container": [onOld({ runs: false }), onOld({ runs: true })],
  "move the old container's name aside": [onOld({ name: "aside" }), onOld({ name: "named" })],
  "give the name to the successor": [onSuccessor({ name: "named" }), onSuccessor({ name: "temporary" })],
  "start the successor": [onSuccessor({ runs: true }), onSuccessor({ runs: false })],
};
const act = (model: Model, steps: readonly { readonly name: string }[], way: 0 | 1): Model =>
  steps.reduce((now, { name }) => effects[name]?.[way](now) ?? now, model);
const observeModel = ({ old, successor }: Model): ObservedSwap => ({
  old: old.name,
  successor: successor?.name ?? "none",
});

describe("an updater that dies after any step, or after any undo", () => {
  it("leaves what a later process brings to one container that runs under the name", () => {
    const states = new Map<string, Model>();
    for (let done = 0; done <= swapSteps.length; done++) {
      const forward = act(begin, swapSteps.slice(0, done), 0);
      states.set(`after ${done} steps`, forward);
      const back = swapSteps.slice(0, done).toReversed();
      for (let undo = 1; undo <= back.length; undo++)
        states.set(`after ${done} steps and ${undo} undos`, act(forward, back.slice(0, undo), 1));
    }
    assert.equal(states.size, ((swapSteps.length + 1) * (swapSteps.length + 2)) / 2);
    for (const [sentence, model] of states) {
      const observed = observeModel(model);
      const phase = phaseOf(observed);
      const after =
        phase === "resume"
          ? act(model, stepsFrom(observed).left, 0)
          : act(model, undoFrom(observed).toReversed(), 1);
      if (phase === "resume") assert.deepEqual(after.successor, { name: "named", runs: true }, sentence);
      else assert.deepEqual(after, begin, sentence);
    }
  });

  it("can die again during a rollback that began after all steps", () => {
    for (let done = 0; done <= swapSteps.length; done++) {
      const model = act(begin, swapSteps.slice(0, done), 0);
      const back = undoFrom(observeModel(model)).toReversed();
      for (let undo = 0; undo <= back.length; undo++) {
        const left = act(model, back.slice(0, undo), 1);
        const observed = observeModel(left);
        if (phaseOf(observed) === "resume") continue;
        assert.deepEqual(act(left, undoFrom(observed).toReversed(), 1), begin);
      }
    }
  });
});
