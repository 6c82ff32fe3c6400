// Scripts of notices: they hear what is over, and nobody waits for them.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import {
  type HooksFolder,
  beforeUpdateEvent,
  hookEvent,
  hooksFolder,
  linesOf,
  noticeOf,
  runScripts,
  until,
  updateFinished,
} from "./scene.ts";
import { type Stage, openStage } from "./stage.ts";
import { itInFullRun } from "../../support/full-run.ts";

describe("scripts in hooks/update_finished", () => {
  let folder: HooksFolder;
  beforeEach(async () => (folder = await hooksFolder()));
  afterEach(() => folder[Symbol.asyncDispose]());
  const sh = (text: string) => folder.put("update_finished/1.sh", `#!/bin/sh\n${text}\n`);
  const run = (notice = updateFinished(), event = hookEvent("update_finished", notice)) =>
    runScripts(folder, {}, event);

  it("get the result in variables, and the event as standard input", async () => {
    await sh("cat > OUT/event; env | grep ^OUROBOROS | sort > OUT/env");
    const notice = updateFinished();
    await run(notice);
    assert.deepEqual(JSON.parse((await folder.left("event")) ?? ""), notice);
    assert.deepEqual(((await folder.left("env")) ?? "").trimEnd().split("\n"), [
      "OUROBOROS_BY=updater",
      "OUROBOROS_CONTAINER_NAME=app",
      "OUROBOROS_DOWNTIME_MS=240",
      "OUROBOROS_EVENT_ID=run-1-update_finished-app",
      "OUROBOROS_HOOK=update_finished",
      "OUROBOROS_HOST=web-01.example.com",
      "OUROBOROS_IMAGE=registry.lab:5000/app:1",
      "OUROBOROS_MODE=update",
      `OUROBOROS_NEW_IMAGE=sha256:${"b".repeat(64)}`,
      "OUROBOROS_NEW_VERSION=1.5.0",
      `OUROBOROS_OLD_IMAGE=sha256:${"a".repeat(64)}`,
      "OUROBOROS_OLD_VERSION=1.4.2",
      "OUROBOROS_REASON=it is over",
      "OUROBOROS_RESULT=updated",
      "OUROBOROS_RUN=run-1",
    ]);
  });

  it("have no variable for what is not known, and none that the system refuses", async () => {
    await sh("env | grep ^OUROBOROS > OUT/env");
    const notice = updateFinished("run-1", { end: "refused", downtime_ms: null, to: null, by: "a\0b" });
    await run(notice);
    const seen = (await folder.left("env")) ?? "";
    assert.doesNotMatch(seen, /DOWNTIME|NEW_IMAGE/);
    assert.match(seen, /^OUROBOROS_BY=ab$/m);
  });

  it("see the fields as Python's variables", async () => {
    const text = 'print(name, end, downtime_ms, steps[0]["step"], event["data"]["from"][:10])';
    await folder.put("update_finished/1.py", text);
    assert.deepEqual(linesOf(await run()), ["app updated 240 stop the old container sha256:aaa"]);
  });

  it("are only warned about where they fail", async () => {
    await sh("echo no chat >&2; exit 3");
    await folder.put("update_finished/2.py", 'refuse("too late")');
    const { log } = await run();
    const warned = log.filter(({ level }) => level === 40).map(({ reason, verdict }) => [reason, verdict]);
    assert.deepEqual(warned, [
      ["failed: exit code 3: no chat", undefined],
      ["too late", undefined],
    ]);
  });

  it("are not run for what is over for more than an hour", async () => {
    await sh("touch OUT/ran");
    const notice = updateFinished();
    const old = { ...hookEvent("update_finished", notice), storedAt: Date.now() - 3_700_000 };
    const { log } = await run(notice, old);
    assert.equal(await folder.left("ran"), undefined);
    assert.deepEqual(log.map(({ msg }) => msg), ["event too old, scripts not run"]); // prettier-ignore
  });
});

describe("a hook-executor that is told what is over", () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
    await stage.makeConsumer();
  });
  afterEach(() => stage[Symbol.asyncDispose]());
  const script = (notice: string, text: string) => stage.folder.put(`${notice}/1.sh`, `#!/bin/sh\n${text}\n`);
  const heard = async () => ((await stage.folder.left("heard")) ?? "").trimEnd().split("\n");

  it("runs the scripts of each notice once, in order, and gives no verdict", async () => {
    await script("update_finished", 'echo "$OUROBOROS_RUN $OUROBOROS_RESULT" >> OUT/heard; exit 1');
    await script("run_finished", 'echo "$OUROBOROS_RUN over" >> OUT/heard');
    await using executor = stage.start();
    await until("it listens", () => /waiting for hook events/.test(executor.output()));
    for (const run of ["run-1", "run-2"]) {
      await stage.publishNotice(updateFinished(run));
      await stage.publishNotice(updateFinished(run)); // as a message that is delivered again
      await stage.publishNotice(noticeOf("run_finished", { ends: [], ms: 1 }, run));
    }
    await until("all is heard", async () => (await heard()).length === 4);
    assert.deepEqual(await heard(), ["run-1 updated", "run-1 over", "run-2 updated", "run-2 over"]);
    assert.equal(await stage.stored(), 0);
  });

  it("runs all of them before it ends with RUN_ONCE, whose cycle is over by then", async () => {
    await script("update_finished", 'echo "$OUROBOROS_RUN" >> OUT/heard; sleep 0.5');
    await using executor = stage.start({ RUN_ONCE: "true" });
    await until("it listens", () => /waiting for hook events/.test(executor.output()));
    for (const run of ["run-1", "run-2"]) await stage.publishNotice(updateFinished(run));
    await stage.folder.wrote("heard");
    executor.process.kill("SIGTERM");
    assert.equal(await executor.ended(), 0, executor.output());
    assert.deepEqual(await heard(), ["run-1", "run-2"]);
  });

  itInFullRun(
    "answers questions while a script of a notice hangs, and runs it again where it was killed",
    async () => {
      await script("update_finished", 'echo "$OUROBOROS_EVENT_ID" >> OUT/heard; sleep 300');
      await stage.sh("exit 0");
      {
        await using executor = stage.start();
        await until("it listens", () => /waiting for hook events/.test(executor.output()));
        await stage.publishNotice(updateFinished());
        await stage.folder.wrote("heard");
        const event = beforeUpdateEvent();
        await stage.publish(event);
        assert.deepEqual(await stage.verdictOn(event), { verdict: "proceed" });
      } // SIGKILL
      await script("update_finished", 'echo "$OUROBOROS_EVENT_ID again" >> OUT/heard');
      await using _next = stage.start();
      await until("it runs again", async () => (await heard()).length > 1);
      const id = "run-1-update_finished-app";
      assert.deepEqual(await heard(), [id, `${id} again`]);
    },
  );
});
