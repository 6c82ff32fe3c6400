// What an operator sees and does about notifications: a test message, silence for a while, and what is not delivered.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, it } from "mocha";
import { Status } from "../../../cli/output/output-schemas.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";
import { until } from "../../support/until.ts";
import { type NotifierScene, openScene } from "../../services/notifier/scene.ts";
import { itInFullRun } from "../../support/full-run.ts";

describe("notifications, for an operator", () => {
  let scene: NotifierScene;
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: scene.server.url }, words);
  const titles = (): string[] => scene.received().map(({ title }) => title);
  beforeEach(async () => {
    scene = await openScene();
  });
  afterEach(() => scene[Symbol.asyncDispose]());

  itInFullRun("`notify test` reaches each target, and says which it does not reach, and why", async () => {
    const none = await run("notify", "test");
    assert.deepEqual([none.code, /no notifier has run on this NATS/.test(none.err)], [1, true]);
    await scene.start();
    const sent = await run("notify", "test");
    assert.deepEqual([sent.code, sent.out, titles()], [0, "json: sent\n", ["Ouroboros: a test"]]);
    const answer = scene.endpoint.answer;
    scene.endpoint.answer = () => [403];
    await scene.updateEnds({ name: "web" });
    await scene.runEnds();
    await until("it is refused", () => scene.endpoint.requests.length > 1);
    const failed = await run("notify", "test");
    assert.equal(failed.code, 1);
    assert.match(failed.out, /^json: not sent: .+403/);
    assert.doesNotMatch(failed.out, /planted-token/);
    scene.endpoint.answer = answer;
    await scene.receives(2);
    await until("what waited is not lost", () => titles().includes("Ouroboros has updated containers!"));
  });

  it("`snooze` silences a container or an image until a time, but for what needs a person", async () => {
    await scene.start();
    assert.match(
      (await run("snooze", "web", "--for", "7d")).out,
      /^SILENCED +UNTIL\nweb +.+ in (?:6|7) d\n$/,
    );
    await run("snooze", "registry.example/db:latest", "--for", "1h");
    await scene.updateEnds({ name: "web" }, "01a");
    await scene.updateEnds({ name: "db", image: "registry.example/db:latest" }, "01a");
    await scene.runEnds("01a");
    await scene.updateEnds({ name: "web", end: "stuck" }, "01b");
    await scene.receives(1);
    assert.deepEqual(titles(), ["Ouroboros needs you"]);
    assert.doesNotMatch((await run("snooze", "web", "--off")).out, /^web/m);
    await scene.updateEnds({ name: "web" }, "01c");
    await scene.runEnds("01c");
    await scene.receives(2);
    await sleep(1000);
    assert.deepEqual(titles(), ["Ouroboros needs you", "Ouroboros has updated containers!"]);
    assert.equal((await run("snooze", "web")).code, 2);
  });

  it("`status` says what a target does not take, since when, and why", async () => {
    scene.endpoint.answer = () => [500];
    await scene.start();
    await scene.updateEnds({ name: "web" });
    await scene.runEnds();
    const status = await until("it is told", async () => {
      const read = Status.parse(JSON.parse((await run("status", "-o", "json")).out));
      return typeof read.notifications[0]?.wrong === "string" ? read.notifications : undefined;
    });
    assert.deepEqual([status[0]?.target, status[0]?.pending], ["json", 1]);
    const { code, out } = await run("status", "--trouble");
    assert.equal(code, 1);
    assert.match(out, /^notifications to json: takes nothing since .+, 1 wait: .+500/m);
    assert.doesNotMatch(out, /planted-token/);
  });
});
