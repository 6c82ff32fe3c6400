import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { AbsentHosts, FORGET_HOST_MS } from "../../../shared/absent-hosts.ts";
import { configurationFields } from "../../../services/exporter/configuration-fields.ts";
import type { FleetFigures } from "../../../services/exporter/fleet.ts";
import { MAX_SERIES } from "../../../services/exporter/metrics-table.ts";
import { type FinishedNotice, parseNotice } from "../../../services/exporter/notice-events.ts";
import { makeRegistry } from "../../../services/exporter/registry.ts";
import { type ScrapeState, readSamples } from "../../../services/exporter/sample-values.ts";
import { socketLabel, socketTag } from "../../../services/exporter/socket-label.ts";
import { Tally } from "../../../services/exporter/tally.ts";
import { MAX_CONTAINERS, UpdateCounts } from "../../../services/exporter/update-counts.ts";
import { HostEntry } from "../../../shared/contract/host-entry.ts";
import type { RunRecord } from "../../../shared/contract/run-records.ts";
import { readSettings } from "../../../shared/settings/read-settings.ts";

const ended = (
  id: string,
  host = "h1",
  downtime_ms: number | null = 1500,
  by = "updater",
): FinishedNotice => ({
  ...{ notice: "update_finished", host, id, time: "2026-01-01T00:00:00Z" },
  data: { name: "web", end: "updated", by, downtime_ms },
});
const envelope = { writer: "w", n: 1, host: "h1", run: "r1" };
const waiting = (event: string): RunRecord => ({
  ...{ ...envelope, at: "2026-01-01T00:00:00.000Z" },
  ...{ kind: "waiting", event, hook: "before_update", container: "web", participants: [] },
});
const decided = (event: string): RunRecord => ({
  ...{ ...envelope, at: "2026-01-01T00:00:30.000Z" },
  ...{ kind: "decided", event, hook: "before_update", container: "web", verdict: "proceed" },
  verdicts: [{ participant: "p", verdict: "proceed", ms: 7000 }],
});

function makeTally(): { tally: Tally; observed: string[] } {
  const observed: string[] = [];
  const tally = new Tally((name, label, seconds) => void observed.push(`${name} ${label} ${seconds}`));
  return { tally, observed };
}

describe("what the exporter counts", () => {
  it("counts a notice that is delivered twice once, and the same id of another host too", () => {
    const { tally, observed } = makeTally();
    for (const notice of [ended("a"), ended("a"), ended("a", "h2", null)]) tally.addNotice(notice);
    assert.equal(tally.ends.get("h1")?.get("updated"), 1);
    assert.equal(tally.ends.get("h2")?.get("updated"), 1);
    assert.deepEqual(observed, ["ouroboros_container_downtime_seconds h1 1.5"]);
  });

  it("counts a rollback that the operator asked for apart from the updates", () => {
    const { tally } = makeTally();
    for (const notice of [ended("a"), ended("b", "h1", 1500, "operator")]) tally.addNotice(notice);
    assert.deepEqual(
      [...(tally.ends.get("h1") ?? [])],
      [
        ["updated", 1],
        ["rolled_back_by_operator", 1],
      ],
    );
  });

  it("measures a wait from its record to the decision, each once", () => {
    const { tally, observed } = makeTally();
    for (const record of [waiting("e"), waiting("f")]) tally.addRecord(record);
    assert.equal([...tally.pending].length, 2);
    for (const record of [decided("e"), decided("e"), waiting("e")]) tally.addRecord(record);
    assert.deepEqual(observed, ["ouroboros_hook_wait_seconds before_update 30"]);
    assert.equal([...tally.pending].length, 1);
    tally.addRecord({ ...envelope, at: "2026-01-01T00:01:00Z", kind: "finished", ends: {}, ms: 1 });
    assert.equal([...tally.pending].length, 0);
  });

  it("takes the slowest verdict for a wait whose begin it has not seen", () => {
    const { tally, observed } = makeTally();
    tally.addRecord(decided("e"));
    assert.deepEqual(observed, ["ouroboros_hook_wait_seconds before_update 7"]);
  });

  it("knows what waited before its start, and counts none of it", () => {
    const { tally, observed } = makeTally();
    tally.restorePending([waiting("e"), decided("e"), waiting("f")]);
    assert.deepEqual(
      [...tally.pending].map(({ hook }) => hook),
      ["before_update"],
    );
    assert.deepEqual(observed, []);
  });

  it("keeps exact counts over a restart with what was saved", () => {
    const counts = new UpdateCounts();
    const update = { host: "h1", container: "web", at: 1000 };
    assert.deepEqual(
      [counts.add("a", update), counts.add("a", update), counts.add("b", update)],
      [true, false, true],
    );
    const next = new UpdateCounts();
    next.restore("h1", JSON.parse(JSON.stringify(counts.toSave("h1"))) as ReturnType<typeof counts.toSave>);
    assert.equal(next.add("b", update), false);
    assert.deepEqual([next.totalOf("h1"), [...next.containers][0]?.count], [2, 2]);
    next.forgetContainersBefore(1001);
    assert.deepEqual([next.totalOf("h1"), [...next.containers]], [2, []]);
    next.forgetHost("h1");
    assert.deepEqual([next.totalOf("h1"), next.hosts], [0, []]);
  });

  it("forgets the container that was updated longest ago where there are too many", () => {
    const counts = new UpdateCounts();
    for (let n = 0; n <= MAX_CONTAINERS; n += 1)
      counts.add(`e${n}`, { host: "h1", container: `c${n}`, at: n });
    const known = [...counts.containers].map(({ container }) => container);
    assert.equal(known.length, MAX_CONTAINERS);
    assert.ok(!known.includes("c0") && known.includes(`c${MAX_CONTAINERS}`));
  });

  it("forgets a host that has had no entry for an hour, and not one that came back", () => {
    let now = 0;
    const absent = new AbsentHosts({ monotonic: () => now, now: () => now });
    const hosts = new Set(["h1", "h2"]);
    assert.deepEqual(absent.findGone(hosts, new Set(["h1"])), []);
    now = FORGET_HOST_MS - 1;
    assert.deepEqual(absent.findGone(hosts, new Set(["h1"])), []);
    now = FORGET_HOST_MS;
    assert.deepEqual(absent.findGone(hosts, new Set(["h1"])), ["h2"]);
    assert.deepEqual(absent.findGone(hosts, new Set(["h1", "h2"])), []);
    assert.deepEqual(absent.findGone(hosts, new Set(["h1"])), []);
  });

  it("counts the hour of a host without an entry on where a process before it has begun to", () => {
    let now = FORGET_HOST_MS;
    const clock = { now: () => 1e12 + now, monotonic: () => now };
    const before = new AbsentHosts(clock);
    before.findGone(new Set(["h1"]), new Set());
    now += FORGET_HOST_MS - 1;
    const after = new AbsentHosts({ ...clock, monotonic: () => now - 2 * FORGET_HOST_MS }, before.since);
    assert.deepEqual([...after.since], [["h1", 1e12 + FORGET_HOST_MS]]);
    assert.deepEqual(after.findGone(new Set(["h1"]), new Set()), []);
    now += 1;
    assert.deepEqual(after.findGone(new Set(["h1"]), new Set()), ["h1"]);
  });

  it("removes the series of a host that is forgotten", async () => {
    const registry = makeRegistry();
    registry.observe("ouroboros_run_duration_seconds", "h1", 3);
    assert.match(await registry.print(new Map()), /ouroboros_run_duration_seconds_count\{host="h1"\} 1/);
    registry.forgetHost("h1");
    assert.doesNotMatch(await registry.print(new Map()), /host="h1"/);
  });
});

const entry = (more: object = {}): HostEntry =>
  HostEntry.parse({
    ...{ engine_id: "e", versions: { ouroboros: "2", api: "1.51" }, last_seen: "2026-01-01T00:00:00Z" },
    ...{ last_poll: "2026-01-01T00:00:00Z", last_plan: null, ...more },
  });
const cycle = (containers: readonly string[]) => ({
  ...{ socket: "unix:///var/run/docker.sock", mode: "update", next_poll: null, monitored: 3, unanswered: 0 },
  ...{ updates: containers.map((container) => ({ container, image: "i", digest: "d" })), failures: [] },
});

function stateOf(hosts: FleetFigures["hosts"], counts = new UpdateCounts()): ScrapeState {
  return {
    ...{ version: "2", now: Date.parse("2026-01-01T01:00:00Z"), tally: makeTally().tally, counts },
    fleet: { hosts, held: new Map(), isCurrent: true },
    socketOf: (host) => hosts.get(host)?.cycle?.socket ?? "",
  };
}

describe("the values at a scrape", () => {
  it("add up the hosts whose Engines have the same name, under the name that Ouroboros 1 has for it", () => {
    const counts = new UpdateCounts();
    for (const host of ["h1", "h2"]) counts.add("a", { host, container: "web", at: 1 });
    const hosts = new Map(["h1", "h2"].map((host) => [host, entry({ cycle: cycle([]) })]));
    const samples = readSamples(stateOf(hosts, counts));
    const socket = "unix://var/run/docker.sock";
    assert.deepEqual(samples.get("containers_being_monitored"), [{ labels: [socket], value: 6 }]);
    assert.deepEqual(samples.get("containers_updated_total"), [{ labels: [socket, "web"], value: 2 }]);
    assert.deepEqual(samples.get("all_containers_updated"), [{ labels: [socket], value: 2 }]);
  });

  it("have no gate of a host that was forgotten", () => {
    const pendingOf = (hosts: readonly string[]) => {
      const state = stateOf(new Map(hosts.map((host) => [host, entry()])));
      state.tally.addRecord(waiting("e"));
      const samples = readSamples(state);
      return ["ouroboros_pending_gates", "ouroboros_pending_since_timestamp_seconds"].map(
        (name) => samples.get(name as "ouroboros_pending_gates")?.length,
      );
    };
    assert.deepEqual(
      [pendingOf(["h1"]), pendingOf(["h2"])],
      [
        [1, 1],
        [0, 0],
      ],
    );
  });

  it("leave out what a registry said too long ago", () => {
    const said = (at: string) => ({ limit: 100, remaining: 7, window_s: 1800, at });
    const budgets = { old: said("2026-01-01T00:29:00Z"), new: said("2026-01-01T00:31:00Z") };
    const samples = readSamples(stateOf(new Map([["h1", entry({ budgets })]])));
    assert.deepEqual(samples.get("ouroboros_registry_requests_remaining"), [
      { labels: ["h1", "new"], value: 7 },
    ]);
  });

  it("are bounded, container by container first, and say how many are left out", () => {
    const counts = new UpdateCounts();
    for (let n = 0; n < MAX_CONTAINERS; n += 1) counts.add(`${n}`, { host: "h0", container: `c${n}`, at: n });
    const due = cycle(Array.from({ length: 200 }, (_, n) => `c${n}`));
    const hosts = new Map(Array.from({ length: 60 }, (_, n) => [`h${n}`, entry({ cycle: due })]));
    const samples = readSamples(stateOf(hosts, counts));
    const served = [...samples].filter(([name]) => name !== "ouroboros_series_left_out");
    assert.equal(
      served.reduce((sum, [, all]) => sum + all.length, 0),
      MAX_SERIES,
    );
    assert.equal(samples.get("ouroboros_host_info")?.length, 60);
    assert.ok((samples.get("ouroboros_series_left_out")?.[0]?.value ?? 0) > 1000);
  });
});

describe("the exporter's names and settings", () => {
  for (const [socket, label, tag] of [
    ["unix:///var/run/docker.sock", "unix://var/run/docker.sock", "var/run/docker.sock"],
    ["tcp://web01:2376", "tcp://web01:2376", "web01:2376"],
  ] as const)
    it(`write ${socket} as Ouroboros 1 does`, () => {
      assert.deepEqual([socketLabel(socket), socketTag(socket)], [label, tag]);
    });

  it("give the configuration without secrets and addresses with a password", () => {
    const settings = readSettings(
      {
        ...{ INTERVAL: "10m", GRACE: "-1", REPO_PASS: "planted", NATS_URL: "nats://ann:planted@nats:4222" },
        ...{ NOTIFIERS: "json://planted", MONITOR: "a b", DOCKER_SOCKETS: "tcp://web01:2376" },
      },
      new Map(),
    );
    const fields = configurationFields(settings);
    assert.doesNotMatch(JSON.stringify(fields), /planted/);
    assert.deepEqual(
      [fields["interval"], fields["grace"], fields["monitor"], fields["docker_sockets"], fields["dry_run"]],
      [600, -1, "a b", "tcp://web01:2376", false],
    );
    assert.ok(!("repo_pass" in fields || "notifiers" in fields || "nats_url" in fields || "cron" in fields));
  });

  for (const [sentence, subject, body] of [
    [
      "another event",
      "ouroboros.hook.h1.before_update.web.e",
      '{"id":"e","time":"2026-01-01T00:00:00Z","data":{}}',
    ],
    ["no JSON", "ouroboros.hook.h1.update_finished.web.e", "{"],
    [
      "an unknown end",
      "ouroboros.hook.h1.update_finished.web.e",
      '{"id":"e","time":"2026-01-01T00:00:00Z","data":{"name":"a","end":"x","downtime_ms":1}}',
    ],
    ["no time", "ouroboros.hook.h1.run_finished._.e", '{"id":"e","time":"soon","data":{"ms":1}}'],
  ] as const)
    it(`take no notice of ${sentence}`, () => {
      assert.equal(parseNotice({ subject, string: () => body }), undefined);
    });

  it("take the host of a notice from its subject", () => {
    const body = '{"id":"e","time":"2026-01-01T00:00:00Z","data":{"ms":1,"host":"other"}}';
    const notice = parseNotice({ subject: "ouroboros.hook.web=2E1.run_finished._.e", string: () => body });
    assert.deepEqual([notice?.host, notice?.notice], ["web.1", "run_finished"]);
  });
});
