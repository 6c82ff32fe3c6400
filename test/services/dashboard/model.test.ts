// What the dashboard makes of records and entries, without NATS.
import assert from "node:assert/strict";
import type { StoredMsg } from "@nats-io/jetstream";
import { describe, it } from "mocha";
import type { RecordBody, RunRecord } from "../../../shared/contract/run-records.ts";
import { Attempts } from "../../../shared/runtime/attempts.ts";
import { readPersonName, roleOf } from "../../../services/dashboard/auth/person.ts";
import { signReason } from "../../../services/dashboard/decisions.ts";
import { withPaths } from "../../../services/dashboard/http/assets.ts";
import { Entities, type Topic } from "../../../services/dashboard/model/entities.ts";
import { FleetView } from "../../../services/dashboard/model/fleet-view.ts";
import {
  type Position,
  START,
  epochOf,
  formatViewId,
  parseViewId,
} from "../../../services/dashboard/model/position.ts";
import type { TimeLineEntry } from "../../../services/dashboard/model/lines.ts";
import type { RunView } from "../../../services/dashboard/model/run-view.ts";
import { recordIn } from "../../../services/dashboard/read/apply-messages.ts";
import { plannedChangesIn } from "../../../services/dashboard/read/event-changes.ts";
import type { HostEntry } from "../../../shared/contract/host-entry.ts";
import { makeRunRecordReader } from "../../../shared/nats/run-record-reader.ts";

const AT = Date.parse("2026-11-30T10:00:00Z");
const record = (
  body: RecordBody,
  seconds = 0,
  [host, run]: readonly [string, string] = ["h1", "01run"],
): RunRecord => ({
  ...body,
  ...{ writer: "w", n: 1, host, run, at: new Date(AT + seconds * 1000).toISOString() },
});
const EVENT = "01run-before_update-web";
const HEARD = { host: "h1", event: EVENT };
const waiting: RecordBody = {
  ...{ kind: "waiting", event: EVENT, hook: "before_update", container: "web" },
  participants: [
    { name: "board", timeout_ms: 60_000, max_ms: 600_000, on_timeout: "refuse" },
    { name: "exec_h1", timeout_ms: 60_000, max_ms: 600_000, on_timeout: "defer" },
  ],
};
const ended = (container: string, end: "updated" | "failed", more: object = {}): RecordBody => ({
  ...{ kind: "ended", container, end, because: "so" },
  ...more,
});
const at = (position: Partial<Position>): Position => ({ ...START, ...position });
const all: ReadonlySet<Topic> = new Set<Topic>([
  "hosts",
  "containers",
  "pending",
  "runs",
  "lines",
  "results",
]);
const keys = (changes: readonly { readonly topic: string; readonly key: string }[] | undefined): string[] =>
  (changes ?? []).map(({ topic, key }) => `${topic} ${key}`).sort();

describe("the id of an event of the dashboard", () => {
  it("is the position in all streams, and is read as it was written", () => {
    const id = { epoch: epochOf(["2026-11-30T10:00:00Z"]), position: at({ runs: 12, held: 3 }) };
    assert.deepEqual(parseViewId(formatViewId(id)), id);
    for (const wrong of [undefined, "", "x", "a.1.2.3.4", "a.1.2.3.4.x", "a.1.2.3.4.5.6", "A.1.2.3.4.5"])
      assert.equal(parseViewId(wrong), undefined, wrong);
  });
  it("is of another epoch when any stream was made anew, and of the same after a restart", () => {
    const [one, two] = ["2026-11-30T10:00:00Z", "2026-11-30T10:00:01Z"];
    assert.equal(epochOf([one, two]), epochOf([one, two]));
    assert.notEqual(epochOf([one, two]), epochOf([two, one]));
    assert.notEqual(epochOf([one, two]), epochOf([one, one]));
  });
});

describe("the values of the dashboard", () => {
  it("are sent where a message that changed them is newer than the page's position, and as they are then", () => {
    const entities = new Entities();
    entities.set({ topic: "runs", key: "a", value: 1 }, "runs", 5);
    entities.set({ topic: "runs", key: "b", value: 1 }, "runs", 6);
    entities.set({ topic: "runs", key: "a", value: 2 }, "verdicts", 9);
    const wanted = new Set<Topic>(["runs"]);
    assert.deepEqual(keys(entities.changesSince(at({ runs: 4, verdicts: 9 }), wanted)), ["runs a", "runs b"]);
    assert.deepEqual(entities.changesSince(at({ runs: 6, verdicts: 8 }), wanted), [
      { topic: "runs", key: "a", value: 2 },
    ]);
    assert.deepEqual(entities.changesSince(at({ runs: 6, verdicts: 9 }), wanted), []);
  });
  it("are sent as removed, and not at all where nothing was changed", () => {
    const entities = new Entities();
    const wanted = new Set<Topic>(["hosts"]);
    assert.equal(entities.set({ topic: "hosts", key: "a", value: { b: 1 } }, "hosts", 1), true);
    assert.equal(entities.set({ topic: "hosts", key: "a", value: { b: 1 } }, "hosts", 2), false);
    assert.equal(entities.set({ topic: "hosts", key: "never", value: null }, "hosts", 3), false);
    entities.set({ topic: "hosts", key: "a", value: null }, "hosts", 4);
    assert.deepEqual(entities.changesSince(at({ hosts: 3 }), wanted), [
      { topic: "hosts", key: "a", value: null },
    ]);
    assert.deepEqual(entities.snapshot(wanted), []);
  });
  it("have a page begin anew that is from before what was removed and forgotten", () => {
    const entities = new Entities();
    for (let seq = 1; seq <= 6000; seq += 1) {
      entities.set({ topic: "pending", key: String(seq), value: seq }, "runs", seq * 2);
      entities.set({ topic: "pending", key: String(seq), value: null }, "runs", seq * 2 + 1);
    }
    assert.equal(entities.changesSince(at({ runs: 100 }), new Set<Topic>(["pending"])), undefined);
    assert.equal(entities.changesSince(at({ runs: 12_001 }), new Set<Topic>(["pending"]))?.length, 0);
    assert.equal(entities.changesSince(at({ runs: 11_999 }), new Set<Topic>(["pending"]))?.length, 1);
  });
});

describe("the dashboard's view of a fleet", () => {
  it("has an event wait from its record to its decision, with what each has said", () => {
    const view = new FleetView();
    view.addRecord(record(waiting), 1);
    view.addVerdict({ ...HEARD, participant: "board", verdict: "defer", reason: "later", at: "" }, 1);
    view.addVerdict({ ...HEARD, participant: "board", verdict: "proceed", reason: "changed", at: "" }, 2);
    view.addVerdict({ ...HEARD, participant: "stranger", verdict: "refuse", reason: "", at: "" }, 3);
    const pending = view.pendingEvent("h1", EVENT);
    assert.deepEqual(
      pending?.asked.map(({ name, until, said }) => [name, until, said?.verdict]),
      [
        ["board", "2026-11-30T10:01:00.000Z", "defer"],
        ["exec_h1", "2026-11-30T10:01:00.000Z", undefined],
      ],
    );
    const verdicts = [{ participant: "board", verdict: "refuse" as const, ms: 40 }];
    view.addRecord(
      record({
        ...{ kind: "decided", event: EVENT, hook: "before_update" },
        ...{ container: "web", verdict: "refuse", verdicts },
      }),
      2,
    );
    assert.equal(view.pendingEvent("h1", EVENT), undefined);
    assert.deepEqual(view.answers.of("board"), {
      ...{ proceed: 0, refuse: 1, defer: 0, timed_out: 0, late: 0, median_ms: 40, slowest_ms: 40 },
      last: "2026-11-30T10:00:00.000Z",
      last_silent: null,
    });
  });
  it("knows of each participant when it last answered, and when it last did not, in whatever order it learns that", () => {
    const asked = (seconds: number, timed_out: boolean): RunRecord =>
      record(
        {
          ...{ kind: "decided", event: EVENT, hook: "before_update", container: "web", verdict: "defer" },
          verdicts: [{ participant: "board", verdict: "defer", ms: 60_000, timed_out }],
        },
        seconds,
      );
    const view = new FleetView();
    view.addRecord(asked(50, true), 5);
    for (const [seconds, isSilent] of [
      [30, false],
      [10, true],
      [20, false],
    ] as const)
      view.addOldRecord(asked(seconds, isSilent), seconds);
    const { timed_out, last, last_silent } = view.answers.of("board");
    assert.deepEqual(
      [timed_out, last, last_silent],
      [2, "2026-11-30T10:00:30.000Z", "2026-11-30T10:00:50.000Z"],
    );
  });
  it("applies a record once, whatever is delivered again", () => {
    const view = new FleetView();
    view.addRecord(record(ended("web", "failed")), 7);
    const before = JSON.stringify(view.entities.snapshot(all));
    view.addRecord(record(ended("web", "updated")), 7);
    view.addRecord(record(ended("web", "updated")), 6);
    view.addOldRecord(record(ended("web", "failed")), 7);
    assert.equal(JSON.stringify(view.entities.snapshot(all)), before);
    assert.equal(view.history.list().length, 1);
  });
  it("ends what waited in a run that is over, and in one that another has followed", () => {
    for (const last of [
      record({ kind: "finished", ends: {}, ms: 5 }, 1),
      record({ kind: "begun", plan: "p", mode: "update", containers: [] }, 1, ["h1", "02run"]),
    ]) {
      const view = new FleetView();
      view.addRecord(record(waiting), 1);
      view.addRecord(last, 2);
      assert.equal(view.pendingEvent("h1", EVENT), undefined);
    }
  });
  it("ends a run that another of its host has followed, and none of another host", () => {
    const view = new FleetView();
    const begun: RecordBody = { kind: "begun", plan: "p", mode: "update", containers: [] };
    view.addRecord(record(begun), 1);
    view.addRecord(record(begun, 1, ["h2", "other"]), 2);
    view.addRecord(record(begun, 2, ["h1", "02run"]), 3);
    const open = [...view.entities.all("runs")].filter(([, run]) => (run as RunView).finished === undefined);
    assert.deepEqual(
      open.map(([key]) => key),
      ["h2/other", "h1/02run"],
    );
  });
  it("keeps an event apart from one of the same id that another host writes", () => {
    const view = new FleetView();
    view.addRecord(record(waiting), 1);
    view.addRecord(record({ ...waiting, container: "other" }, 1, ["h2", "01run"]), 2);
    view.addVerdict({ ...HEARD, host: "h2", participant: "board", verdict: "refuse", reason: "", at: "" }, 1);
    const decided: RecordBody = {
      ...{ kind: "decided", event: EVENT, hook: "before_update", container: "web", verdict: "proceed" },
      verdicts: [],
    };
    view.addRecord(record(decided, 2, ["h2", "01run"]), 3);
    const pending = view.pendingEvent("h1", EVENT);
    assert.deepEqual([pending?.host, pending?.container], ["h1", "web"]);
    assert.ok(pending?.asked.every(({ said }) => said === undefined));
    assert.equal(view.pendingEvent("h2", EVENT), undefined);
  });
  it("shows an event whose participants say times that no date can be", () => {
    const view = new FleetView();
    const name = { name: "board", on_timeout: "defer" as const };
    const participants = [{ ...name, timeout_ms: Number.MAX_SAFE_INTEGER, max_ms: Number.MAX_SAFE_INTEGER }];
    view.addRecord(record({ ...waiting, participants }), 1);
    assert.equal(view.pendingEvent("h1", EVENT)?.asked[0]?.until, "2027-12-01T10:00:00.000Z");
  });
  it("says of each container of a run what happens to it", () => {
    const view = new FleetView();
    const bodies: RecordBody[] = [
      { kind: "begun", plan: "p", mode: "update", containers: ["web", "db"] },
      { kind: "did", container: "web", step: "pull web", ms: 5 },
      waiting,
      { kind: "swapping", container: "web", old_id: "a", new_id: "b", to: "c" },
      { kind: "swapped", container: "web", steps: [] },
    ];
    const doing = bodies.map((body, index) => {
      view.addRecord(record(body, index), index + 1);
      return (view.entities.get("runs", "h1/01run") as RunView).stages.at(-1)?.doing;
    });
    assert.deepEqual(doing, [undefined, "pulled", "asking", "replacing", "proving"]);
    view.addRecord(record(ended("web", "updated"), 9), 9);
    view.addRecord(record({ ...waiting, container: "web" }, 10), 10);
    assert.deepEqual((view.entities.get("runs", "h1/01run") as RunView).stages, [
      { container: "web", doing: "ended", since: "2026-11-30T10:00:09.000Z", end: "updated" },
    ]);
  });
  it("lets the journal have the last word on a container until the poller has looked again", () => {
    const view = new FleetView();
    const entry = (looked: number): HostEntry => ({
      ...{
        engine_id: "E",
        versions: { ouroboros: "2", api: "1" },
        last_seen: "",
        last_poll: null,
        last_plan: null,
      },
      cycle: {
        ...{
          socket: "",
          mode: "update",
          next_poll: null,
          monitored: 1,
          unanswered: 0,
          updates: [],
          failures: [],
        },
        looked_at: new Date(AT + looked * 1000).toISOString(),
        containers: [{ container: "web", image: "web", version: "1", newer: `sha256:${"c".repeat(64)}` }],
      },
    });
    const shown = () =>
      (view.entities.get("containers", "h1") as { runs: string; newer: string | null }[])[0];
    view.setHost("h1", entry(0), 1);
    assert.deepEqual([shown()?.runs, shown()?.newer], ["1", "sha256:cccccccccccc"]);
    view.addRecord(record(ended("web", "updated", { to_version: "2" }), 5), 1);
    assert.deepEqual([shown()?.runs, shown()?.newer], ["2", null]);
    view.addRecord(record(ended("web", "updated", { to_version: "0", by: "operator" }), 6), 2);
    assert.deepEqual([shown()?.runs, shown()?.newer], ["0", null]);
    view.setHost("h1", entry(10), 2);
    assert.deepEqual([shown()?.runs, shown()?.newer], ["1", "sha256:cccccccccccc"]);
  });
  it("says everywhere that the operator had a container rolled back, and why, once", () => {
    const view = new FleetView();
    const because = "rolled back by the operator; it is healthy";
    view.addRecord(record(ended("web", "updated", { by: "operator", because })), 1);
    const [line] = [...view.entities.all("lines")].map(([, value]) => value as TimeLineEntry);
    const [result] = view.history.list();
    assert.deepEqual(
      [line, result].map((told) => [told?.["end"], told?.["because"]]),
      [
        ["rolled_back_by_operator", "it is healthy"],
        ["rolled_back_by_operator", "it is healthy"],
      ],
    );
    assert.equal(view.recordsOf("h1", "01run")?.[0]?.end, "rolled_back_by_operator");
    const [stage] = (view.entities.get("runs", "h1/01run") as RunView).stages;
    assert.equal(stage?.end, "rolled_back_by_operator");
  });
  it("keeps no more than its limits, however much happens", () => {
    const view = new FleetView();
    for (let run = 0; run < 400; run += 1) {
      const place = ["h1", `run${run}`] as const;
      view.addRecord(
        record({ kind: "begun", plan: "p", mode: "update", containers: ["web"] }, run, place),
        run * 3 + 1,
      );
      view.addRecord(record(ended("web", "updated"), run, place), run * 3 + 2);
      view.addRecord(record({ kind: "finished", ends: {}, ms: 1 }, run, place), run * 3 + 3);
    }
    const count = (topic: Topic): number => view.entities.snapshot(new Set([topic])).length;
    assert.deepEqual([count("runs"), count("lines"), count("results")], [50, 300, 400]);
    assert.equal(view.recordsOf("h1", "run0"), undefined);
    assert.equal(view.recordsOf("h1", "run399")?.length, 3);
  });
});

describe("a message of the journal", () => {
  const read = (body: object, more: object = {}): RunRecord | undefined => {
    const text = JSON.stringify({ ...record(body as RecordBody), ...more });
    const message = { seq: 1, subject: "ouroboros.run.h1.01run", string: () => text } as unknown as StoredMsg;
    return recordIn(message, makeRunRecordReader({ warn: () => undefined, debug: () => undefined }));
  };
  it("is a record", () => {
    assert.equal(read(waiting)?.kind, "waiting");
  });
  const none: readonly [string, object, object?][] = [
    ["names no time", waiting, { at: "noon" }],
    ["names an event that NATS cannot have", { ...waiting, event: "a b" }],
    ["names several events at once", { ...waiting, event: "*" }],
    ["names no event", { ...waiting, event: "" }],
    ["is of another host than its subject", waiting, { host: "h2" }],
  ];
  for (const [title, body, more] of none)
    it(`is none where it ${title}`, () => {
      assert.equal(read(body, more), undefined);
    });
});

describe("what a pending event is about", () => {
  const image = (id: string, version?: string) => ({
    id: `sha256:${id.repeat(64)}`,
    labels: version === undefined ? null : { "org.opencontainers.image.version": version },
  });
  const container = { name: "web", image: "apps/web:latest" };
  const eventOf = (data: object): string =>
    JSON.stringify({
      ...{ specversion: "1.0", id: "e", source: "s", type: "t", subject: "web", time: "now" },
      ...{ datacontenttype: "application/json", verdictsubject: "v", progresssubject: "p", data },
    });
  const cases: readonly [string, string, readonly string[]][] = [
    [
      "by the versions of the images",
      eventOf({ old_container: container, old_image: image("a", "1.4.2"), new_image: image("b", "1.5.0") }),
      ["web: 1.4.2 → 1.5.0"],
    ],
    [
      "by the first digits of their ids",
      eventOf({ old_container: container, old_image: image("a"), new_image: image("b", "<b>1</b>") }),
      ["web: aaaaaaaaaaaa → bbbbbbbbbbbb"],
    ],
    [
      "for each container of a plan",
      eventOf({ updateable: [{ container, current_image: image("a", "1"), latest_image: image("b", "2") }] }),
      ["web: 1 → 2"],
    ],
    [
      "for a service of a swarm",
      eventOf({ service: container, old_image: image("a"), new_image: image("b") }),
      ["web: aaaaaaaaaaaa → bbbbbbbbbbbb"],
    ],
    [
      "for each service of a plan",
      eventOf({
        updateable: [],
        updateable_services: [
          { service: container, current_image: image("a"), latest_image: image("b", "2") },
        ],
      }),
      ["web: aaaaaaaaaaaa → 2"],
    ],
    ["of any other event nothing", eventOf({ container }), []],
    ["of what is no event nothing", "refuse: {", []],
  ];
  for (const [title, text, wanted] of cases)
    it(title, () => {
      const changes = plannedChangesIn(text).map(
        ({ container: name, from, to }) => `${name}: ${from} → ${to}`,
      );
      assert.deepEqual(changes, wanted);
    });
});

describe("a person at the dashboard", () => {
  it("has the highest role that a group or the name gives", () => {
    const grants = [
      { role: "viewer", to: { kind: "all" } },
      { role: "operator", to: { kind: "group", name: "admins" } },
      { role: "approver", to: { kind: "user", name: "ann" } },
    ] as const;
    assert.equal(roleOf({ name: "joe", groups: [] }, grants), "viewer");
    assert.equal(roleOf({ name: "ann", groups: [] }, grants), "approver");
    assert.equal(roleOf({ name: "ann", groups: ["admins"] }, grants), "operator");
    assert.equal(roleOf({ name: "admins", groups: ["ann"] }, grants.slice(1)), undefined);
  });
  it("has a name without anything that moves a terminal's cursor", () => {
    assert.equal(readPersonName(" Ann\u001b[2J\n B. "), "Ann [2J B.");
    assert.equal(readPersonName("\u0000"), undefined);
    assert.equal(readPersonName(7), undefined);
    assert.equal(readPersonName("x".repeat(500))?.length, 100);
  });
  it("stands in the reason of a verdict", () => {
    assert.equal(signReason(" not today ", { name: "ann" }), "not today (by ann)");
    assert.equal(signReason("", { name: "ann" }), "by ann");
  });
  it("is kept out for a while after wrong tries, whoever else tries", () => {
    let now = 0;
    const attempts = new Attempts({ monotonic: () => now });
    for (let one = 0; one < 5; one += 1) attempts.noteFailure("a");
    assert.equal(attempts.waitFor("a"), 300);
    assert.equal(attempts.waitFor("b"), 0);
    now = 301_000;
    assert.equal(attempts.waitFor("a"), 0);
    for (let one = 0; one < 200; one += 1) attempts.noteFailure(`address ${one}`);
    assert.ok(attempts.waitFor("b") > 0, "from many addresses");
  });
});

describe("the modules of the page", () => {
  it("import each other by path where a package's name stood", () => {
    assert.equal(
      withPaths(
        'import{h as t}from"preact";import x from "htm"; import y from "./own.mjs"; from "unknown"',
        "../packages/",
      ),
      'import{h as t}from"../packages/preact.mjs";import x from "../packages/htm.mjs"; import y from "./own.mjs"; from "unknown"',
    );
  });
});
