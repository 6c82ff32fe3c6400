import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Fence } from "../../../../services/updater/journal/fence.ts";
import { Journal } from "../../../../services/updater/journal/journal.ts";
import { getLastMessage } from "../../../../shared/nats/jetstream.ts";
import { STREAMS, subjects } from "../../../../shared/contract/subjects.ts";
import { engine, startNats } from "../../../bed/bed.ts";
import { gateScene } from "../../../support/gate-scene.ts";

const h1 = engine(1);

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
