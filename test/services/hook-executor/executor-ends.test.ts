import assert from "node:assert/strict";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { beforeUpdateEvent, hooksFolder, gone, until } from "./scene.ts";
import { type Stage, openStage } from "./stage.ts";

describe("the hook-executor, when something ends", () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  it("sends its verdict when NATS is back, if that died meanwhile", async () => {
    await stage.makeConsumer();
    await stage.sh("echo ran >> OUT/runs; until [ -e OUT/go ]; do sleep 0.1; done; exit 75");
    await using _executor = stage.start();
    const event = beforeUpdateEvent();
    await stage.publish(event);
    await stage.folder.wrote("runs");
    await stage.server.kill();
    await stage.folder.put("out/go", "");
    await stage.server.restart();
    assert.equal((await stage.verdictOn(event)).verdict, "defer");
    await stage.settled();
    assert.equal(await stage.folder.left("runs"), "ran\n");
  });

  it("at SIGTERM lets the script in hand end, answers, and exits with 0", async () => {
    await stage.makeConsumer();
    await stage.sh("echo $$ > OUT/pid; until [ -e OUT/go ]; do sleep 0.1; done; exit 75");
    await using executor = stage.start();
    const event = beforeUpdateEvent();
    await stage.publish(event);
    await stage.folder.wrote("pid");
    executor.process.kill("SIGTERM");
    await until("it takes no more", async () => (await stage.consumer()).num_waiting === 0);
    await stage.publish(beforeUpdateEvent("run-2"));
    await stage.folder.put("out/go", "");
    assert.equal(await executor.ended(), 0);
    assert.equal((await stage.verdictOn(event)).verdict, "defer");
    assert.equal(await stage.stored(), 1);
  });

  it("at SIGTERM kills what does not end within STOP_GRACE; the next one runs that event from its first script", async () => {
    await stage.makeConsumer();
    await stage.folder.put("before_update/1.sh", "#!/bin/sh\necho first >> OUT/order\n");
    await stage.folder.put(
      "before_update/2.sh",
      "#!/bin/sh\n[ -e OUT/pid ] && exit 75\ntrap '' TERM; sleep 311 & echo $! > OUT/child; echo $$ > OUT/pid; while true; do sleep 312; done\n",
    );
    const event = beforeUpdateEvent();
    {
      await using executor = stage.start({ STOP_GRACE: "200ms" });
      await stage.publish(event);
      await stage.folder.wrote("pid");
      executor.process.kill("SIGTERM");
      assert.equal(await executor.ended(), 0);
      assert.match(executor.output(), /message left for the next start/);
    }
    for (const name of ["pid", "child"]) await gone(await stage.folder.wrote(name));
    assert.equal(await stage.stored(), 0);
    await using _next = stage.start();
    assert.equal((await stage.verdictOn(event)).verdict, "defer");
    assert.equal(await stage.folder.left("order"), "first\nfirst\n");
  });

  it("at SIGTERM ends without NATS, too: before it was there, while it is away, and with a script in hand", async () => {
    await stage.makeConsumer();
    await stage.sh("echo $$ > OUT/pid; while true; do sleep 0.2; done");
    await using early = stage.start({ NATS_URL: "nats://127.0.0.1:9" });
    await until("it waits for NATS", () => /NATS does not answer; waiting for it/.test(early.output()));
    early.process.kill("SIGTERM");
    assert.equal(await early.ended(), 0);

    await using idle = stage.start({ OUROBOROS_HOST: "another" });
    await until("it is up", () => /waiting for hook events/.test(idle.output()));
    await using busy = stage.start({ STOP_GRACE: "100ms" });
    await stage.publish(beforeUpdateEvent());
    const pid = await stage.folder.wrote("pid");
    await stage.server.kill();
    for (const executor of [idle, busy]) {
      await until("it has noticed", () => /connection to NATS lost/.test(executor.output()));
      executor.process.kill("SIGTERM");
      assert.equal(await executor.ended(), 0);
    }
    await gone(pid);
  });

  it("killed takes its scripts of all kinds with it", async () => {
    await stage.makeConsumer();
    const kinds: readonly [string, string][] = [
      ["1.sh", "#!/bin/sh\necho $$ > OUT/pid\nwhile true; do sleep 0.2; done\n"],
      ["1.py", "import os, time\nopen('OUT/pid', 'w').write(f'{os.getpid()}\\n')\ntime.sleep(300)\n"],
      [
        "1.mjs",
        "import { writeFileSync } from 'node:fs';\nexport default () => new Promise(() => { writeFileSync('OUT/pid', process.pid + '\\n'); setInterval(() => {}, 1000); });\n",
      ],
    ];
    for (const [name, text] of kinds) {
      await using scripts = await hooksFolder();
      await scripts.put(`before_update/${name}`, text);
      await using executor = stage.start({ HOOKS_DIR: scripts.path });
      await stage.publish(beforeUpdateEvent(encodeToken(name)));
      const pid = await scripts.wrote("pid");
      executor.process.kill("SIGKILL");
      await executor.ended();
      await gone(pid);
      await stage.removeConsumer();
      await stage.makeConsumer();
    }
  });
});
