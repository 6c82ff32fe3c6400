import assert from "node:assert/strict";
import {
  type HostState,
  applyEntry,
  applyRecord,
  entitiesOf,
  expectRun,
  newHostState,
} from "../../../services/home-assistant/host-state.ts";
import type { HostEntry, MonitoredContainer } from "../../../shared/contract/host-entry.ts";
import type { RecordBody, RunRecord } from "../../../shared/contract/run-records.ts";

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();
const OLD = "sha256:old";
const NEW = "sha256:new";

const entry = (
  minute: number,
  containers: readonly MonitoredContainer[],
  mode = "update" as const,
): HostEntry => ({
  engine_id: "e",
  versions: { ouroboros: "2.0.0", api: "1.51" },
  last_seen: at(minute),
  last_poll: at(minute),
  last_plan: null,
  cycle: {
    looked_at: at(minute),
    socket: "unix:///s",
    mode,
    next_poll: null,
    monitored: containers.length,
    unanswered: 0,
    updates: [],
    containers: [...containers],
    failures: [],
  },
});
const record = (minute: number, body: RecordBody, run = "r1"): RunRecord => ({
  ...{ writer: "w", n: 1, at: at(minute), host: "h1", run },
  ...body,
});
const web: MonitoredContainer = { container: "web", image: "web:1", version: "1", digest: OLD, newer: NEW };
const begun: RecordBody = { kind: "begun", plan: "p", mode: "update", containers: ["web"] };
const updated: RecordBody = {
  ...{ kind: "ended", container: "web", end: "updated", because: "b", image: "web:1" },
  ...{ to_digest: `web@${NEW}`, to_version: "2" },
};
const finished: RecordBody = { kind: "finished", ends: { web: "updated" }, ms: 1 };
const twoMinutes: RecordBody = { ...finished, ms: 120_000 };
const polled = applyEntry(newHostState(), entry(0, [web]));
const after = (state: HostState, ...records: readonly RunRecord[]): HostState =>
  records.reduce(applyRecord, state);
const summary = (state: HostState, requested: readonly string[] = []): string[] =>
  entitiesOf("h1", state, new Set(requested)).map(
    ({ container, installed, newer, percent }) =>
      `${container} ${installed.version ?? "?"} ${newer ?? "-"} ${percent ?? "-"}`,
  );

describe("what is known of a host's containers", () => {
  it("follows the poller", () => {
    assert.deepEqual(summary(polled), [`web 1 ${NEW} -`]);
    assert.deepEqual(summary(applyEntry(polled, entry(1, [{ ...web, newer: undefined }]))), ["web 1 - -"]);
  });

  it("stays as it is where an older poller lists no containers", () => {
    const { cycle, ...rest } = entry(1, []);
    assert.deepEqual(summary(applyEntry(polled, rest)), [`web 1 ${NEW} -`]);
    assert.ok(cycle);
    const { containers: _, ...older } = cycle;
    assert.deepEqual(summary(applyEntry(polled, { ...rest, cycle: older })), [`web 1 ${NEW} -`]);
  });

  it("rises with each step of an update and falls with none", () => {
    const steps: RecordBody[] = [
      begun,
      { kind: "did", container: "web", step: "pull web:1", ms: 1 },
      { kind: "waiting", event: "e", hook: "before_update", container: "web", participants: [] },
      { kind: "swapping", container: "web", old_id: "a", new_id: "b", to: "c" },
      { kind: "did", container: "web", step: "pull web:1", ms: 1 },
      { kind: "swapped", container: "web", steps: [] },
      { kind: "waiting", event: "e", hook: "after_update", container: "web", participants: [] },
    ];
    let state = polled;
    const percents = steps.map((body) => {
      state = after(state, record(1, body));
      return entitiesOf("h1", state, new Set())[0]?.percent;
    });
    assert.deepEqual(percents, [0, 30, 40, 60, 60, 90, 90]);
    assert.deepEqual(summary(after(state, record(2, updated))), ["web 2 - -"]);
  });

  it("shows no progress of a dry run, of another container's run, or of a run that has ended (S3)", () => {
    assert.deepEqual(summary(after(polled, record(1, { ...begun, mode: "dry_run" }))), [`web 1 ${NEW} -`]);
    const other = record(1, { kind: "swapping", container: "web", old_id: "a", new_id: "b", to: "c" }, "r2");
    assert.deepEqual(summary(after(polled, other)), [`web 1 ${NEW} -`]);
    const over = after(polled, ...[begun, updated, finished].map((body) => record(1, body)));
    assert.deepEqual(summary(after(over, record(1, begun))), ["web 2 - -"]);
    assert.deepEqual(summary(expectRun(over, "r1", "web")), ["web 2 - -"]);
    assert.deepEqual(summary(expectRun(over, "r2", "web")), ["web 2 - 0"]);
  });

  it("keeps what the journal said until the poller has looked again (S1)", () => {
    const over = after(polled, ...[begun, updated, finished].map((body) => record(2, body)));
    assert.deepEqual(summary(applyEntry(over, entry(1, [web]))), ["web 2 - -"]);
    assert.deepEqual(summary(applyEntry(over, entry(3, [web]))), [`web 1 ${NEW} -`]);
  });

  it("shows what is newer after an update that did not happen", () => {
    const refused: RecordBody = { kind: "ended", container: "web", end: "refused", because: "no" };
    assert.deepEqual(summary(after(polled, record(1, begun), record(1, refused))), [`web 1 ${NEW} -`]);
    const current: RecordBody = { ...refused, end: "current" };
    assert.deepEqual(summary(after(polled, record(1, begun), record(1, current))), ["web 1 - -"]);
  });

  it("forgets a container that the poller no longer sees, but not during a run (S2)", () => {
    assert.deepEqual(summary(applyEntry(polled, entry(1, []))), []);
    const during = after(polled, record(1, begun));
    assert.deepEqual(summary(applyEntry(during, entry(2, []))), [`web 1 ${NEW} 0`]);
    const over = after(during, record(3, { ...updated, end: "refused" }), record(3, twoMinutes));
    assert.deepEqual(summary(applyEntry(over, entry(2, []))), [`web 1 ${NEW} -`]);
    assert.deepEqual(summary(applyEntry(over, entry(0, []))), []);
    const late = after(polled, record(3, twoMinutes));
    assert.deepEqual(summary(applyEntry(late, entry(2, []))), [`web 1 ${NEW} -`]);
    assert.deepEqual(summary(applyEntry(over, entry(4, []))), []);
  });

  it("leaves out what has no name: it can have no topic", () => {
    const nameless = { ...web, container: "" };
    assert.deepEqual(summary(applyEntry(polled, entry(1, [nameless, web]))), [`web 1 ${NEW} -`]);
    const told = after(polled, record(1, begun), record(2, { ...updated, container: "" }));
    assert.deepEqual(summary(told), [`web 1 ${NEW} 0`]);
    assert.deepEqual(summary(newHostState({ "": { image: "web:1", installed: {} } })), []);
  });

  it("shows a request as begun until it is answered", () => {
    assert.deepEqual(summary(polled, ["web"]), [`web 1 ${NEW} 0`]);
  });

  it("has no button where the host's mode is not to update", () => {
    const monitoring = applyEntry(polled, entry(1, [web], "monitor" as "update"));
    assert.deepEqual(
      [polled, monitoring].map((state) => entitiesOf("h1", state, new Set())[0]?.canUpdate),
      [true, false],
    );
  });
});
