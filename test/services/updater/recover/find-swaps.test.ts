import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Snapshot } from "../../../../services/updater/journal/snapshot-store.ts";
import { addUnmarkedDependencies } from "../../../../services/updater/recover/find-swaps.ts";

const RUN = "01r";
const snapshotOf = (name: string, more: Partial<Snapshot>): Snapshot =>
  ({ run: RUN, role: "dependency", container: { Id: `${name}-id`, Name: `/${name}` }, ...more }) as Snapshot;
const stopped = (...names: readonly string[]) => names.map((name) => ({ id: `${name}-id`, name }));

describe("what an earlier process stopped as a dependency, where a prune took the marker volume", () => {
  const cases: readonly [says: string, Partial<Snapshot>, isStopped: boolean][] = [
    ["one that is nothing else", {}, true],
    ["one that is a dependant, too", { role: "dependant", parent: "web", stopped_before: true }, true],
    ["one whose own update was begun since then", { role: "updated", stopped_before: true }, true],
    ["not what is updated", { role: "updated" }, false],
    ["not a dependant that is none", { role: "dependant", parent: "web" }, false],
  ];
  for (const [says, more, isStopped] of cases)
    it(`is ${says}`, () => {
      const found = addUnmarkedDependencies([], [snapshotOf("db", more)]);
      assert.deepEqual(
        found.flatMap((marker) => marker.stopped),
        isStopped ? stopped("db") : [],
      );
    });

  it("is listed once where the marker lists it", () => {
    const markers = [{ run: RUN, stopped: stopped("db") }];
    const snapshots = [snapshotOf("db", {}), snapshotOf("cache", {})];
    assert.deepEqual(addUnmarkedDependencies(markers, snapshots), [
      { run: RUN, stopped: stopped("db", "cache") },
    ]);
  });
});
