import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { overview, release } from "../support/containers.ts";
import { faultScene, awaitPlanConsumer, addFaultRow, writeFaults } from "../support/faults.ts";
import { addParticipant } from "../support/participants.ts";
import { update } from "../support/runs.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);

after(writeFaults);

describe("a NATS store that is lost", () => {
  afterEach(() => h1.clean());

  it("between two runs is made anew, and the next run is as any", async () => {
    await using scene = await faultScene();
    const { stack } = scene;
    await stack.server.restartEmpty();
    await awaitPlanConsumer(stack);
    await using judge = await addParticipant(stack, "judge", { hooks: ["before_update"] }, () => "proceed");
    assert.deepEqual(await update(stack), { web: "updated" });
    assert.deepEqual(judge.asked, ["before_update web"]);
    await scene.isWell("2");
    addFaultRow(
      "NATS store lost between two runs",
      "`updated` by the next run; participants are added anew, held digests are forgotten",
    );
  });

  itInFullRun("while a container is proved costs history; the new one stays", async () => {
    await using scene = await faultScene({ env: { SETTLE_TIME: "8s" } });
    const run = await scene.plan();
    await until("it is swapped", async () => (await overview(h1)).includes("web running 2"));
    await scene.stack.server.restartEmpty();
    const ended = await scene.outcome(run);
    assert.equal(ended.end, "updated", ended.because);
    await scene.isWell("2");
    await release("apps/web", "3");
    assert.deepEqual(await update(scene.stack), { web: "updated" });
    addFaultRow(
      "NATS store lost while it is proved",
      "`updated`; streams and consumers are made anew, the next run is as any",
      ended,
    );
  });
});

describe("DATA_DIR", () => {
  afterEach(() => h1.clean());

  itInFullRun("that somebody removed is made again", async () => {
    await using scene = await faultScene();
    await rm(join(scene.stack.folder, "data"), { recursive: true });
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "updated", ended.because);
    await scene.isWell("2");
    addFaultRow("DATA_DIR removed", "`updated`: the folder is made again", ended);
  });
});
