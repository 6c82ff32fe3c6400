import assert from "node:assert/strict";
import { Kvm } from "@nats-io/kv";
import type { HeldEntry } from "../../../shared/contract/held-entry.ts";
import { BUCKETS, approvalKey, heldKey } from "../../../shared/contract/subjects.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { engine, hubControl, pushApp } from "../../bed/bed.ts";
import { HOST, eventually, hostRecord, openStage, runApp, startPoller } from "./stage.ts";

describe("the poller", () => {
  it("waits for the buckets of the updater, and claims its host", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await using poller = startPoller(h1, stage.server);
    const waiting = "waiting for the streams and buckets that the updater makes";
    await eventually(waiting, () => poller.log.find(({ msg }) => msg === waiting));
    await stage.makeTopology();
    const record = await eventually("a claim", () => hostRecord(stage));
    const { ID } = (await h1.docker.info()) as { ID: string };
    assert.equal(record.engine_id, ID);
    assert.deepEqual(record.versions, { ouroboros: "2.0.0", api: "1.51" });
    await eventually("a poll", async () => (await hostRecord(stage))?.last_poll ?? undefined);
    assert.equal(poller.log.filter(({ msg }) => msg === waiting).length, 1);
  });

  it("publishes a plan, and no other while the updater has it", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    const old = await pushApp("docker.io/library/polled", "1", { labels: { version: "one" } });
    const db = await pushApp("polled-db", "1");
    await runApp(h1, "db", db.reference);
    await runApp(h1, "web", old.reference, { "com.ouroboros.depends_on": "db, nobody" });
    const latest = await pushApp("docker.io/library/polled", "1");
    await using poller = startPoller(h1, stage.server);
    const plan = await stage.take();
    assert.deepEqual(plan.names, ["web"]);
    assert.deepEqual(
      plan.data.depends_on_containers.map(({ name }) => name),
      ["db"],
    );
    const [entry] = plan.data.updateable;
    assert.deepEqual(entry?.current_image.labels, { version: "one" });
    assert.deepEqual(entry?.latest_image.digests, [`polled@${latest.digest}`]);
    assert.equal(plan.data.mode, "update");
    assert.equal(plan.data.reason, "a newer image is there for 1 container");
    const again = await stage.check();
    assert.deepEqual(again.outcome, { kind: "waiting", because: "the updater has a plan in hand" });
    assert.deepEqual(
      again.left.map(({ container, because }) => [container, because]),
      [["db", "current"]],
    );
    assert.ok(await plan.message.ackAck());
    assert.equal((await stage.check()).outcome.kind, "published");
    const second = await stage.take();
    assert.ok(second.data.run > plan.data.run);
    assert.deepEqual((await hostRecord(stage))?.last_plan?.run, second.data.run);
    assert.ok(
      poller.log.some(({ msg }) =>
        msg?.startsWith("a dependency label names nobody, but there is no such container"),
      ),
    );
  });

  it("finds out by the image that runs, also when its tag is gone or leads elsewhere here", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    const { reference } = await pushApp("polled-tag", "1");
    await runApp(h1, "web", reference);
    await pushApp("polled-tag", "1");
    await runApp(h1, "new", reference); // the pull moves the tag away from web's image
    await using _poller = startPoller(h1, stage.server);
    assert.deepEqual((await stage.take()).names, ["web"]);
  });

  it("leaves held digests alone, and reads past what it cannot understand", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    const { reference } = await pushApp("polled-held", "1");
    await runApp(h1, "web.1", reference);
    await runApp(h1, "web.2", reference);
    const { digest } = await pushApp("polled-held", "1");
    const held: HeldEntry = { digest, because: "broken", by: "updater", until: null, tries: 1 };
    await stage.held.put(heldKey(HOST, "web.1"), JSON.stringify(held));
    await stage.held.put(heldKey(HOST, "web.2"), "{ broken");
    await using poller = startPoller(h1, stage.server);
    assert.deepEqual((await stage.take()).names, ["web.2"]);
    assert.ok(
      poller.log.some(({ msg, container }) => msg === "held entry cannot be read" && container === "web.2"),
    );
    await stage.held.delete(heldKey(HOST, "web.1"));
    const { left } = await stage.check();
    assert.deepEqual(left, []);
  });

  it("leaves what the operator has refused for all hosts, and tries what is approved since it was held", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    const { reference } = await pushApp("polled-refused", "1");
    await runApp(h1, "web", reference);
    const { digest } = await pushApp("polled-refused", "1");
    const approvals = await new Kvm(stage.nats).open(BUCKETS.approvals);
    const image = { repository: parseImageRef(reference)?.name ?? "", digest };
    const say = (more: object) =>
      approvals.put(approvalKey("operator", image), JSON.stringify({ digest, ...more }));
    await say({ verdict: "refuse", reason: "it loses orders" });
    const held: HeldEntry = { digest, because: "", by: "release", until: null, end: "refused", tries: 1 };
    await stage.held.put(heldKey(HOST, "web"), JSON.stringify(held));
    await using _poller = startPoller(h1, stage.server);
    const because = async () =>
      (await stage.check()).left.find(({ container }) => container === "web")?.because;
    assert.match((await because()) ?? "", /is refused for all hosts: it loses orders/);
    await say({ verdict: "proceed" });
    assert.equal(await because(), undefined);
    assert.deepEqual((await stage.take()).names, ["web"]);
  });

  it("tells each update once when it only monitors, also after a restart", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    const { reference } = await pushApp("polled-monitor", "1");
    await runApp(h1, "web", reference);
    await pushApp("polled-monitor", "1");
    const monitor = { MONITOR_ONLY: "true" };
    {
      await using _poller = startPoller(h1, stage.server, monitor);
      const plan = await stage.take();
      assert.equal(plan.data.mode, "monitor");
      await stage.finish(plan, {});
      const again = await stage.check();
      assert.equal(again.outcome.kind, "nothing due");
      assert.equal(
        again.left[0]?.because,
        "a newer image is there, and was reported already: MONITOR_ONLY only reports it",
      );
    }
    await using _poller = startPoller(h1, stage.server, monitor);
    assert.equal((await stage.check()).outcome.kind, "nothing due");
    await pushApp("polled-monitor", "1");
    assert.equal((await stage.check()).outcome.kind, "published");
    await stage.finish(await stage.take(), {});
    await using once = startPoller(h1, stage.server, { ...monitor, RUN_ONCE: "true" });
    await stage.finish(await stage.take(), { web: "noted" });
    assert.equal(await once.ended, 0);
  });

  it("asks once for an image that many containers run", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    const { reference } = await pushApp("docker.io/library/polled-many", "1");
    const names = Array.from({ length: 6 }, (_, n) => `many-${n}`);
    for (const name of names) await runApp(h1, name, reference);
    await hubControl.clearLog();
    await using _poller = startPoller(h1, stage.server);
    const { asked, left } = await stage.check();
    assert.equal(asked, 6);
    assert.equal(left.filter(({ because }) => because === "current").length, 6);
    const manifests = (await hubControl.log()).filter(
      ({ path, status }) => path.includes("/manifests/") && status === 200,
    );
    assert.ok(manifests.length <= 2, "one question for each of two cycles at most");
    assert.ok(manifests.every(({ method }) => method === "HEAD"));
  });

  it("runs a cycle when asked, after the one in hand, and never two at once", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    const { reference } = await pushApp("docker.io/library/polled-slow", "1");
    await runApp(h1, "slow", reference);
    await using _poller = startPoller(h1, stage.server);
    await stage.check();
    await using _fault = await hubControl.faults([{ match: "^HEAD .*polled-slow", delay: 300 }]);
    await hubControl.clearLog();
    const first = stage.check();
    await stage.nats.flush();
    const status = (await stage.ask("status")) as { host: string; last: { outcome: { kind: string } } };
    assert.equal(status.host, HOST);
    assert.equal(status.last.outcome.kind, "nothing due");
    const [a, b, c] = await Promise.all([first, stage.check(), stage.check()]);
    assert.ok(a.ended_at < b.ended_at);
    assert.equal(b.ended_at, c.ended_at);
    const heads = (await hubControl.log()).filter(({ method }) => method === "HEAD");
    assert.equal(heads.length, 2);
    assert.ok(heads[1] && heads[0] && heads[1].time - heads[0].time >= 300);
  });

  it("says so when its report is larger than NATS takes", async () => {
    await using h1 = engine(1);
    await using stage = await openStage("max_payload: 2048");
    await stage.makeTopology();
    const { reference } = await pushApp("polled-report", "1");
    await runApp(h1, "running", reference);
    for (let n = 0; n < 12; n++)
      await h1.docker.createContainer({
        name: `stopped-with-a-very-long-name-${n}`.repeat(3),
        Image: reference,
      });
    await using _poller = startPoller(h1, stage.server);
    assert.deepEqual(await stage.check(), { error: "the report is too large" });
  });
});
