import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { BUCKETS, executorParticipant, subjects } from "../../../shared/contract/subjects.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { HOST, beforeUpdateEvent, until } from "./scene.ts";
import { type Stage, openStage } from "./stage.ts";

describe("the hook-executor", () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  it("answers each event of its host with one verdict, and then settles the event", async () => {
    await stage.makeConsumer();
    await stage.sh('echo "$OUROBOROS_RUN: not today" >&2; exit 75');
    await using _executor = stage.start();
    const events = ["run-1", "run-2"].map((run) => beforeUpdateEvent(run));
    for (const event of events) await stage.publish(event);
    for (const event of events)
      assert.deepEqual(await stage.verdictOn(event), {
        verdict: "defer",
        reason: `hook.sh: ${event.data["run"] as string}: not today`,
      });
    await stage.settled();
    assert.equal(await stage.stored(), 2);
  });

  it("waits quietly for what is not there yet: the first host, and its consumer", async () => {
    await using executor = stage.start({ OUROBOROS_HOST: "" });
    await until("it says so", () => /no host is there yet/.test(executor.output()));
    const kv = await new Kvm(stage.nats).open(BUCKETS.hosts);
    await kv.put(encodeToken(HOST), "{}");
    await until("it has found it", () => /waiting for hook events/.test(executor.output()));
    await stage.makeConsumer();
    await stage.publish(beforeUpdateEvent());
    assert.deepEqual(await stage.verdictOn(beforeUpdateEvent()), { verdict: "proceed" });
    assert.doesNotMatch(executor.output(), /"level":(?:[456]0|"(?:warn|error|critical)")/);
    executor.process.kill("SIGTERM");
    assert.equal(await executor.ended(), 0);
  });

  it("does not start where it would have to choose between hosts, and names them", async () => {
    const kv = await new Kvm(stage.nats).open(BUCKETS.hosts);
    for (const host of [HOST, "web-02"]) await kv.put(encodeToken(host), "{}");
    await using executor = stage.start({ OUROBOROS_HOST: "" });
    assert.equal(await executor.ended(), 1);
    assert.match(
      executor.output(),
      /there are several hosts \(web-01\.example\.com, web-02\): set OUROBOROS_HOST/,
    );
  });

  it("stops while it waits for the first host", async () => {
    await using executor = stage.start({ OUROBOROS_HOST: "" });
    await until("it waits", () => /no host is there yet/.test(executor.output()));
    executor.process.kill("SIGTERM");
    assert.equal(await executor.ended(), 0);
  });

  it("serves several hosts, each by its own consumer", async () => {
    const hosts = [HOST, "web-02"];
    for (const host of hosts) await stage.makeConsumer({ host });
    await stage.sh('echo "$OUROBOROS_HOST" >&2; exit 75');
    await using _executor = stage.start({ OUROBOROS_HOST: hosts.join(" ") });
    for (const host of hosts) {
      const event = beforeUpdateEvent("run-1", host);
      await stage.publish(event);
      assert.equal((await stage.verdictOn(event)).reason, `hook.sh: ${host}`);
    }
  });

  it("answers events that were published while it was away", async () => {
    await stage.makeConsumer();
    await stage.publish(beforeUpdateEvent());
    await using _executor = stage.start();
    assert.deepEqual(await stage.verdictOn(beforeUpdateEvent()), { verdict: "proceed" });
  });

  it("does not let an event that takes long hold another, and tells that it is still at it", async () => {
    await stage.makeConsumer();
    await stage.sh('[ "$OUROBOROS_RUN" = slow ] || exit 0; until [ -e OUT/go ]; do sleep 0.1; done');
    const progress: string[] = [];
    stage.nats.subscribe(subjects.progressOf(HOST), {
      callback: (_, { subject }) => void progress.push(subject),
    });
    await using _executor = stage.start();
    const slow = beforeUpdateEvent("slow");
    await stage.publish(slow);
    for (const run of ["1", "2", "3"]) await stage.publish(beforeUpdateEvent(run));
    for (const run of ["1", "2", "3"]) await stage.verdictOn(beforeUpdateEvent(run));
    const told = subjects.progress(HOST, executorParticipant(HOST), slow.id);
    await until("progress is told", () => progress.length > 0);
    assert.deepEqual([...new Set(progress)], [told]);
    assert.equal(await stage.stored(), 3);
    await stage.folder.put("out/go", "");
    assert.deepEqual(await stage.verdictOn(slow), { verdict: "proceed" });
    await stage.settled();
  });

  it("runs an event once, however often it is delivered: while it is in hand, and after", async () => {
    await stage.makeConsumer({ ackWaitMs: 500 }); // heartbeats come every 8 s, so the event is delivered again every 500 ms
    await stage.sh("echo ran >> OUT/runs; until [ -e OUT/go ]; do sleep 0.1; done; echo later >&2; exit 75");
    await using _executor = stage.start();
    const event = beforeUpdateEvent();
    await stage.publish(event);
    await until("it is delivered again", async () => (await stage.consumer()).num_redelivered > 0);
    await until("and again", async () => (await stage.consumer()).delivered.consumer_seq >= 3);
    await stage.folder.put("out/go", "");
    assert.equal((await stage.verdictOn(event)).reason, "hook.sh: later");
    await stage.settled();
    const before = await stage.stored();
    await stage.publish(event);
    await until("it is answered again", async () => (await stage.stored()) > before);
    await stage.settled();
    assert.equal(await stage.folder.left("runs"), "ran\n");
  });

  it("gives up what is no event, or not the one its subject says, and goes on", async () => {
    await stage.makeConsumer({ filters: [subjects.hooksOf(HOST, null)] });
    await stage.sh("echo $OUROBOROS_EVENT_ID >> OUT/runs");
    await using executor = stage.start();
    const event = beforeUpdateEvent();
    const js = jetstream(stage.nats);
    const at = (hook: string, id: string) => `ouroboros.hook.${encodeToken(HOST)}.${hook}.app.${id}`;
    await js.publish(at("before_update", "x1"), "no JSON");
    await js.publish(at("before_update", "x2"), JSON.stringify(event));
    await js.publish(at("before_update", "x3"), JSON.stringify({ ...event, id: "x3", data: {} }));
    await js.publish(at("no_such_hook", event.id), JSON.stringify(event));
    await js.publish(at("after_update", event.id), JSON.stringify(event));
    await js.publish(at("update_finished", event.id), JSON.stringify(event));
    await stage.publish(event);
    await stage.verdictOn(event);
    await stage.settled();
    assert.equal(await stage.folder.left("runs"), `${event.id}\n`);
    assert.equal(executor.output().match(/message given up/g)?.length, 6);
    assert.equal(await stage.stored(), 1);
  });

  it("answers on its own subject whatever the event says, also where something lies there already", async () => {
    await stage.makeConsumer();
    const event = { ...beforeUpdateEvent(), verdictsubject: "ouroboros.verdict.other.{participant}.x" };
    const own = subjects.verdict(HOST, executorParticipant(HOST), event.id);
    // What others can make the server write there, with the message id they would guess.
    await jetstream(stage.nats).publish(own, '{"stream":"X","seq":1}', {
      msgID: `${event.id}.${executorParticipant(HOST)}`,
    });
    await using _executor = stage.start();
    await stage.publish(event);
    assert.deepEqual(await stage.verdictOn(event), { verdict: "proceed" });
  });
});
