import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Fence } from "../../../../services/updater/journal/fence.ts";
import { Journal } from "../../../../services/updater/journal/journal.ts";
import { getLastMessage } from "../../../../shared/nats/jetstream.ts";
import { ensureReserves } from "../../../../shared/nats/reserve.ts";
import { Fenced } from "../../../../shared/errors.ts";
import { STREAMS, reserveOf, subjects } from "../../../../shared/contract/subjects.ts";
import { engine, startNats } from "../../../bed/bed.ts";
import { gateScene } from "../../../support/gate-scene.ts";
import { until } from "../../../support/until.ts";

const h1 = engine(1);

describe("a run whose records were pushed out by those of another host", () => {
  it("is open, and goes on with all of them, and is lost to an updater that took over meanwhile", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    const { bus } = scene;
    await ensureReserves(bus.manager, [bus.host.name, "other"]);
    const taking = { isStandby: false, recoverFromEngine: () => Promise.resolve() };
    const fence = await Fence.take(bus, taking);
    await fence.begin({ run: "r", plan: "p" });
    const journal = await Journal.open(bus, "r");
    await journal.write({ kind: "begun", plan: "p", mode: "update", containers: ["web"] });
    await journal.write({ kind: "did", container: "web", step: "one", ms: 1 });
    const { streams } = bus.manager;
    const reserved = async () => (await streams.info(reserveOf(bus.host.name))).state.messages;
    await until("the reserve has them", async () => (await reserved()) === 4);
    await streams.update(STREAMS.runs, { max_bytes: 256 * 1024 });
    const fill = async () => {
      for (let n = 0; n < 12; n++) await bus.js.publish(subjects.run("other", String(n)), "x".repeat(50_000));
    };
    await fill();
    await journal.write({ kind: "did", container: "web", step: "two", ms: 1 });
    const stepsOf = ({ records }: Journal) =>
      records.map((record) => (record.kind === "did" ? record.step : record.kind));
    const resumed = await Journal.open(bus, "r");
    assert.deepEqual(stepsOf(resumed), ["begun", "one", "two"]);
    await fill();
    await resumed.write({ kind: "did", container: "web", step: "three", ms: 1 });
    await until("the reserve has it", async () => (await reserved()) === 6);
    assert.deepEqual(stepsOf(await Journal.open(bus, "r")), ["begun", "one", "two", "three"]);
    assert.deepEqual((await Fence.take(bus, taking)).open, { run: "r", plan: "p" });
    await Fence.take({ ...bus, writer: "other" }, taking);
    await until("the reserve has it", async () => (await reserved()) === 8);
    await fill();
    assert.ok(await fence.isLost());
    await assert.rejects(fence.check(), Fenced);
    await assert.rejects(fence.end(), Fenced);
  });
});

describe("records of one process", () => {
  it("are all stored, also where it opens a run's journal once more", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    for (const step of ["one", "two"]) {
      const journal = await Journal.open(scene.bus, "r");
      await journal.write({ kind: "did", container: "web", step, ms: 1 });
    }
    const { records } = await Journal.open(scene.bus, "r");
    assert.deepEqual(
      records.map((record) => record.kind === "did" && record.step),
      ["one", "two"],
    );
  });

  it("are all stored, also where it takes over from another soon after it had yielded", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    for (const writer of ["one", "other", "one"])
      await Fence.take(
        { ...scene.bus, writer },
        { isStandby: false, recoverFromEngine: () => Promise.resolve() },
      );
    const last = await getLastMessage(scene.bus.manager, STREAMS.runs, subjects.open(scene.bus.host.name));
    assert.equal(last?.json<{ writer: string }>().writer, "one");
  });
});
