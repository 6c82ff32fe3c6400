import assert from "node:assert/strict";
import { subjects } from "../../../shared/contract/subjects.ts";
import { engine, hubControl, pushApp } from "../../bed/bed.ts";
import { HOST, eventually, openStage, runApp, startPoller } from "./stage.ts";

describe("the poller with RUN_ONCE", () => {
  it("ends with 0 when there is nothing to do, without an updater", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await using poller = startPoller(h1, stage.server, { RUN_ONCE: "true" });
    assert.equal(await poller.ended, 0);
  });

  for (const [ends, code] of [
    [{ web: "updated" }, 0],
    [{ web: "refused" }, 0],
    [{ web: "failed" }, 1],
    [{ web: "rolled_back", db: "updated" }, 1],
    [{ web: "stuck", db: "failed" }, 2],
  ] as const)
    it(`ends with ${code} when the run ends with ${Object.values(ends).join(" and ")}`, async () => {
      await using h1 = engine(1);
      await using stage = await openStage();
      await stage.makeTopology();
      await stage.makeUpdater();
      const { reference } = await pushApp("polled-once", "1");
      await runApp(h1, "web", reference);
      await pushApp("polled-once", "1");
      await using poller = startPoller(h1, stage.server, { RUN_ONCE: "true" });
      await stage.finish(await stage.take(), ends);
      assert.equal(await poller.ended, code);
    });

  it("ends with 1 where some registries gave no answer, whatever became of the others", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    await runApp(h1, "current", (await pushApp("polled-once", "1")).reference);
    await runApp(h1, "away", (await pushApp("docker.io/library/polled-once", "1")).reference);
    await using _away = await hubControl.faults([{ match: "library/polled-once/manifests", status: 404 }]);
    await using nothing = startPoller(h1, stage.server, { RUN_ONCE: "true" });
    assert.equal(await nothing.ended, 1);
    assert.ok(nothing.log.some(({ msg }) => msg === "cycle ended: not every image could be asked for"));
    await pushApp("polled-once", "1");
    await using poller = startPoller(h1, stage.server, { RUN_ONCE: "true" });
    await stage.finish(await stage.take(), { current: "updated" });
    assert.equal(await poller.ended, 1);
  });

  it("waits for an updater, and says so", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    const { reference } = await pushApp("polled-once", "1");
    await runApp(h1, "web", reference);
    await pushApp("polled-once", "1");
    await using poller = startPoller(h1, stage.server, { DRY_RUN: "true" });
    const said = await eventually("that it waits", () =>
      poller.log.find(({ msg }) => msg === "plan waits for the updater"),
    );
    assert.equal(said.because, "no updater has been here yet");
    await stage.makeUpdater();
    const plan = await stage.take();
    assert.equal(plan.data.mode, "dry_run");
    await stage.finish(plan, { web: "noted" });
    assert.equal(await poller.ended, 0);
  });

  it("does not miss the end of a run for which it got no message", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    const { reference } = await pushApp("polled-once", "1");
    await runApp(h1, "web", reference);
    await pushApp("polled-once", "1");
    await using poller = startPoller(h1, stage.server, { RUN_ONCE: "true" });
    const plan = await stage.take();
    await stage.js.publish(subjects.run(HOST, plan.data.run), "{ broken");
    await stage.server.restart(); // the message may come and go before the poller is back
    await stage.record(plan, { web: "failed" });
    assert.equal(await poller.ended, 1);
  });

  it("publishes the rest of a plan that was too large, once each", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    const labels = (name: string) =>
      Object.fromEntries(Array.from({ length: 15 }, (_, n) => [`${name}${n}`, "x".repeat(1000)]));
    const { reference } = await pushApp("polled-large", "1", { labels: labels("image") });
    const names = ["a1", "b2", "c3", "d4", "e5", "f6", "g7"];
    for (const name of names) await runApp(h1, name, reference, labels("own")); // some 30 KiB of a plan each
    await pushApp("polled-large", "1");
    await using poller = startPoller(h1, stage.server, { RUN_ONCE: "true" });
    const first = await stage.take();
    const [failed = "", ...updated] = first.names;
    await stage.finish(first, {
      [failed]: "failed",
      ...Object.fromEntries(updated.map((name) => [name, "updated" as const])),
    });
    const second = await stage.take();
    assert.deepEqual([...first.names, ...second.names].sort(), names);
    await stage.finish(second, Object.fromEntries(second.names.map((name) => [name, "updated" as const])));
    assert.equal(await poller.ended, 1);
  });
});
