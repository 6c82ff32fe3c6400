import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { UpdateResult } from "../../../shared/contract/payloads.ts";
import {
  type EndKind,
  type RecordedEnd,
  endInWords,
  endsOfRun,
  kindOfEnd,
  reasonOfEnd,
} from "../../../shared/contract/update-end.ts";

const SAID = "rolled back by the operator";

describe("the end of an update", () => {
  const cases: readonly [string, RecordedEnd, EndKind, string][] = [
    ["an update", { end: "updated", by: "updater" }, "updated", "updated"],
    ["an update of which nobody is named", { end: "updated", by: null }, "updated", "updated"],
    [
      "a rollback that the operator asked for",
      { end: "updated", by: "operator" },
      "rolled_back_by_operator",
      SAID,
    ],
    ["what the operator refused", { end: "refused", by: "operator" }, "refused", "refused"],
    [
      "a new container that did not pass",
      { end: "rolled_back", by: "updater" },
      "rolled_back",
      "rolled_back",
    ],
  ];
  for (const [sentence, ended, kind, words] of cases)
    it(`is told of ${sentence}`, () =>
      assert.deepEqual([kindOfEnd(ended), endInWords(ended)], [kind, words]));

  const reasons: readonly [string, RecordedEnd, string, string][] = [
    [
      "leaves out what the end says",
      { end: "updated", by: "operator" },
      `${SAID}; it is healthy`,
      "it is healthy",
    ],
    ["is whole where the end says less", { end: "refused", by: "operator" }, `${SAID}; no`, `${SAID}; no`],
    [
      "is whole where it says something else",
      { end: "updated", by: "operator" },
      "it is healthy",
      "it is healthy",
    ],
  ];
  for (const [sentence, ended, because, expected] of reasons)
    it(`has a reason that ${sentence}`, () => assert.equal(reasonOfEnd({ ...ended, because }), expected));

  it("is a rollback in a run that was one, wherever that was not prevented", () => {
    assert.deepEqual(endsOfRun({ ends: ["updated", "refused"], rollback: true }).map(kindOfEnd), [
      "rolled_back_by_operator",
      "refused",
    ]);
    assert.deepEqual(endsOfRun({ ends: UpdateResult.options }).map(kindOfEnd), UpdateResult.options);
  });
});
