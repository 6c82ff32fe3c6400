import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { after, afterEach, describe, it } from "mocha";
import { STREAMS, consumers } from "../../shared/subjects.ts";
import { engine } from "../bed/bed.ts";
import { idOf, overview, release } from "../support/containers.ts";
import { faultScene, tell, writeFaults } from "../support/faults.ts";
import { participate } from "../support/participants.ts";
import { held, update } from "../support/runs.ts";
import type { Stack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);

after(writeFaults);

describe("NATS that is away while a container is down", () => {
  afterEach(() => h1.clean());

  it("is not waited for; a bad image is put back and tried once only", async () => {
    await using scene = await faultScene({ next: { cmd: "exit 7" }, env: { SETTLE_TIME: "2s" } });
    const { stack } = scene;
    const run = await scene.plan();
    await until("it is swapped", async () =>
      (await overview(h1)).some((one) => one.includes(".ouroboros-old-")),
    );
    await stack.server.kill("SIGKILL");
    await until("the old one runs", async () => (await overview(h1)).join() === "web running 1");
    await sleep(6000); // longer than a request to NATS is waited for
    await stack.server.restart();
    const ended = await scene.outcome(run);
    assert.equal(ended.end, "rolled_back", ended.because);
    assert.match(ended.because, /exited with code 7/);
    assert.equal(await idOf(h1, "web"), scene.old);
    assert.equal((await held(stack, "web"))?.tries, 1);
    assert.equal(stack.records.filter(({ kind }) => kind === "swapping").length, 1);
    await scene.isWell("1");
    tell(
      "NATS away while a bad image is put back",
      "`rolled_back` at once; held when NATS is back, never tried twice",
      ended,
    );
  });
});

describe("a NATS store that is lost", () => {
  afterEach(() => h1.clean());

  it("between two runs is made anew, and the next run is as any", async () => {
    await using scene = await faultScene();
    const { stack } = scene;
    await stack.server.restartEmpty();
    await until("the updater takes plans", () => hasConsumer(stack, consumers.updater("h1")));
    await using judge = await participate(stack, "judge", { hooks: ["before_update"] }, () => "proceed");
    assert.deepEqual(await update(stack), { web: "updated" });
    assert.deepEqual(judge.asked, ["before_update web"]);
    await scene.isWell("2");
    tell(
      "NATS store lost between two runs",
      "`updated` by the next run; participants are added anew, held digests are forgotten",
    );
  });

  it("while a container is proved costs history; the new one stays", async () => {
    await using scene = await faultScene({ env: { SETTLE_TIME: "2s" } });
    const run = await scene.plan();
    await until("it is swapped", async () => (await overview(h1)).includes("web running 2"));
    await scene.stack.server.restartEmpty();
    const ended = await scene.outcome(run);
    assert.equal(ended.end, "updated", ended.because);
    await scene.isWell("2");
    await release("apps/web", "3");
    assert.deepEqual(await update(scene.stack), { web: "updated" });
    tell(
      "NATS store lost while it is proved",
      "`updated`; streams and consumers are made anew, the next run is as any",
      ended,
    );
  });

  it("with an event that nobody has taken yet is given it again", async () => {
    await using scene = await faultScene();
    const { stack } = scene;
    await stack.script("updates_enumerated/slow", "#!/bin/sh\nsleep 0.5\n");
    const run = await scene.plan();
    await until("the plan is agreed to", () => stack.records.some(({ kind }) => kind === "decided"));
    stack.services["hook-executor"]?.kill("SIGKILL");
    await stack.services["hook-executor"]?.exited;
    await until("it is waited for", () => stack.heard().includes("before_update web"));
    await stack.server.restartEmpty();
    await until("the updater takes plans", () => hasConsumer(stack, consumers.updater("h1")));
    stack.start("hook-executor");
    const ended = await scene.outcome(run);
    assert.equal(ended.end, "updated", ended.because);
    await scene.isWell("2");
    tell("NATS store lost with an event nobody had taken", "`updated`: the event is given again", ended);
  });
});

describe("DATA_DIR", () => {
  afterEach(() => h1.clean());

  it("that somebody removed is made again", async () => {
    await using scene = await faultScene();
    await rm(join(scene.stack.folder, "data"), { recursive: true });
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "updated", ended.because);
    await scene.isWell("2");
    tell("DATA_DIR removed", "`updated`: the folder is made again", ended);
  });
});

async function hasConsumer({ nats }: Stack, name: string): Promise<boolean> {
  const manager = await jetstreamManager(nats, { checkAPI: false });
  return manager.consumers.info(STREAMS.hooks, name).then(
    () => true,
    () => false,
  );
}
