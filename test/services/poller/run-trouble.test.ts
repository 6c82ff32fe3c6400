import assert from "node:assert/strict";
import type { HostRecord } from "../../../services/poller/host-record.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { bedCommand, engine, hubControl, pushApp, startNats } from "../../bed/bed.ts";
import { HOST, eventually, hostRecord, openStage, runApp, startPoller } from "./stage.ts";
import { itInFullRun } from "../../support/full-run.ts";

describe("the poller in trouble", () => {
  it("goes on when one registry is away, and warns once", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    const good = await pushApp("ghcr.io/acme/polled", "1");
    const bad = await pushApp("quay.io/acme/polled", "1");
    await runApp(h1, "good", good.reference);
    await runApp(h1, "bad", bad.reference);
    await pushApp("ghcr.io/acme/polled", "1");
    await using _fault = await hubControl.faults([{ match: " quay.io/", cut: true }]);
    await using poller = startPoller(h1, stage.server);
    assert.deepEqual((await stage.take()).names, ["good"]);
    for (let n = 0; n < 2; n++) {
      const { left } = await stage.check();
      const id = (await h1.docker.getContainer("bad").inspect()).Id;
      const because = "registry unreachable: quay.io: other side closed";
      assert.deepEqual(left, [{ container: "bad", id, image: bad.reference, because }]);
    }
    const warnings = poller.log.filter(({ msg, level }) => msg === "registry gave no digest" && level === 40);
    assert.deepEqual(
      warnings.map(({ images }) => images),
      [[bad.reference]],
    );
  });

  it("does not run for an Engine whose host's name belongs to another", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    const record: HostRecord = {
      engine_id: "ANOTHER-ENGINE",
      versions: { ouroboros: "2.0.0", api: "1.51" },
      last_seen: "2026-07-01T12:00:00Z",
      last_poll: null,
      last_plan: null,
      announced: [],
    };
    await stage.hosts.put(encodeToken(HOST), JSON.stringify(record));
    await using poller = startPoller(h1, stage.server);
    assert.equal(await poller.ended, 1);
    const { ID } = (await h1.docker.info()) as { ID: string };
    const said = poller.log.find(({ level }) => level === 60)?.because ?? "";
    for (const part of [HOST, "ANOTHER-ENGINE", ID, "OUROBOROS_HOST", `ouroboros host forget ${HOST}`])
      assert.ok(said.includes(part), part);
    assert.deepEqual(await hostRecord(stage), record);
  });

  itInFullRun("goes on after the Engine, or NATS, was away", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await using poller = startPoller(h1, stage.server);
    await stage.check();
    await bedCommand("stop", "1");
    assert.equal((await stage.check()).outcome.kind, "failed");
    assert.equal((await stage.check()).outcome.kind, "failed");
    await bedCommand("start", "1");
    assert.equal((await stage.check()).outcome.kind, "nothing due");
    assert.equal(
      poller.log.filter(({ msg, level }) => msg.startsWith("check failed") && level === 40).length,
      1,
    );
    await stage.server.restart();
    assert.equal((await stage.check()).outcome.kind, "nothing due");
  });

  it("stops at once when asked to, also while it waits for what is not there", async () => {
    await using h1 = engine(1);
    await using empty = await startNats();
    const poller = startPoller(h1, empty);
    await eventually("waiting", () => poller.log.find(({ msg }) => msg.startsWith("waiting")));
    poller.stop();
    assert.equal(await poller.ended, 0);
  });
});
