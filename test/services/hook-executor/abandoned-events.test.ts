// Events that come late: whose scripts are run, and whose are not any more.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import { whyAbandoned } from "../../../services/hook-executor/abandoned-events.ts";
import { iso, systemClock } from "../../../shared/clock.ts";
import { publish } from "../../../shared/nats/jetstream.ts";
import type { RecordBody, RunRecord } from "../../../shared/contract/run-records.ts";
import { executorParticipant, subjects } from "../../../shared/contract/subjects.ts";
import { jetstream } from "@nats-io/jetstream";
import { HOST, beforeUpdateEvent, cloudEvent, hookEvent, until } from "./scene.ts";
import { type Stage, openStage } from "./stage.ts";

const EXECUTOR = {
  name: executorParticipant(HOST),
  timeout_ms: 600_000,
  max_ms: 3_600_000,
  on_timeout: "defer",
} as const;
const OTHER = { ...EXECUTOR, name: "backup" };
const event = beforeUpdateEvent();
const about = { event: event.id, hook: "before_update", container: "app" } as const;
const begun: RecordBody = { kind: "begun", plan: "p", mode: "update", containers: ["app"] };
const waiting: RecordBody = { kind: "waiting", ...about, participants: [OTHER, EXECUTOR] };
const decided: RecordBody = { kind: "decided", ...about, verdict: "refuse", verdicts: [] };
const finished: RecordBody = { kind: "finished", ends: { app: "deferred" }, ms: 1 };
const expired: RecordBody = { kind: "ended", container: "db", end: "expired", because: "it is another one" };

const record = (body: RecordBody, n: number, run = "run-1"): RunRecord => ({
  ...{ writer: "test", n, at: iso(Date.now()), host: HOST, run },
  ...body,
});

const NOT_ASKED = "no hook-executor was asked: HOOK_EXECUTOR was off";

describe("an event that came late", () => {
  const cases: readonly (readonly [string, readonly RecordBody[], string | undefined])[] = [
    ["may be waited for where its run left no word", [], undefined],
    ["is waited for where it was asked and nothing is decided", [begun, waiting], undefined],
    ["is over where its run is", [finished], "its run is over"],
    ["is over where somebody else has decided it", [begun, waiting, decided], "it was decided without"],
    [
      "is none of ours where only others were asked",
      [begun, { ...waiting, participants: [OTHER] }],
      NOT_ASKED,
    ],
  ];
  for (const [sentence, bodies, because] of cases)
    it(sentence, () => {
      const records = bodies.map((body, n) => record(body, n));
      assert.equal(whyAbandoned(hookEvent("before_update", event), records), because);
    });

  it("is none of ours where it says that others were asked", () => {
    const data = { ...event.data, asked: ["backup"] };
    assert.equal(whyAbandoned(hookEvent("before_update", { ...event, data }), []), NOT_ASKED);
    const both = { ...event.data, asked: ["backup", EXECUTOR.name] };
    assert.equal(whyAbandoned(hookEvent("before_update", { ...event, data: both }), []), undefined);
  });

  it("that is a plan may be waited for until its run has asked somebody", () => {
    const plan = hookEvent(
      "updates_enumerated",
      cloudEvent("updates_enumerated", {
        updateable: [],
        depends_on_containers: [],
        hard_depends_on_containers: [],
      }),
    );
    const over = (...bodies: RecordBody[]) =>
      whyAbandoned(
        plan,
        bodies.map((body, n) => record(body, n)),
      );
    assert.equal(over(begun, expired), undefined);
    assert.equal(over(begun, waiting), NOT_ASKED);
  });
});

describe("a hook-executor that comes late", () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  it("runs no script for an update that is over, and those that are waited for", async () => {
    await stage.makeConsumer();
    await stage.sh('echo "$OUROBOROS_RUN" >> OUT/runs');
    const via = { js: jetstream(stage.nats), clock: systemClock, signal: AbortSignal.timeout(20_000) };
    const write = (run: string, body: RecordBody) =>
      publish(via, { subject: subjects.run(HOST, run), body: record(body, 1, run) });
    for (const run of ["over", "decided", "open", "untold"]) await stage.publish(beforeUpdateEvent(run));
    await write("over", finished);
    const of = (run: string) => ({ ...about, event: beforeUpdateEvent(run).id });
    await write("decided", { ...decided, ...of("decided") });
    await write("open", { ...waiting, kind: "waiting", participants: [EXECUTOR], ...of("open") });
    await using executor = stage.start();
    for (const run of ["open", "untold"]) await stage.verdictOn(beforeUpdateEvent(run));
    await stage.settled();
    assert.deepEqual((await stage.folder.left("runs"))?.trim().split("\n").sort(), ["open", "untold"]);
    assert.equal(await stage.stored(), 2);
    await until("it says so", () => executor.output().match(/nobody waits for this event/g)?.length === 2);
    const fresh = beforeUpdateEvent("fresh");
    await stage.publish(fresh);
    assert.deepEqual(await stage.verdictOn(fresh), { verdict: "proceed" });
  });
});
