import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { RecordOf } from "../../../cli/fleet/read-journal.ts";
import { countEnds, exitCodeFor, progressLine } from "../../../cli/fleet/run-progress.ts";
import { endsOfRun } from "../../../shared/contract/update-end.ts";

const ROLLED_BACK: RecordOf<"ended"> = {
  ...{ writer: "w", n: 1, at: "2026-01-01T00:00:00Z", host: "h1", run: "r1" },
  ...{ kind: "ended", container: "web", end: "updated", by: "operator" },
  ...{ because: "rolled back by the operator; it is healthy" },
  ...{ from: "sha256:b", to: "sha256:a", from_version: "2", to_version: "1", downtime_ms: 200 },
};

describe("the progress of a run", () => {
  it("ends with a rollback where the operator asked for one, which says so once", () => {
    assert.equal(
      progressLine(ROLLED_BACK),
      "web: rolled back by the operator 2 → 1, down for 0.2 s: it is healthy",
    );
    assert.equal(exitCodeFor({ web: ROLLED_BACK.end }, "web"), 0);
  });

  it("counts the ends of a run, in a rollback those that the operator asked for", () => {
    assert.equal(countEnds(endsOfRun({ ends: ["updated", "refused", "updated"] })), "2 updated, 1 refused");
    assert.equal(
      countEnds(endsOfRun({ ends: ["updated"], rollback: true })),
      "1 rolled back by the operator",
    );
    assert.equal(countEnds([]), "nothing");
  });
});
