import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { openLog } from "../../../shared/runtime/log.ts";
import { readSettings } from "../../../shared/settings/read-settings.ts";
import { engine } from "../../bed/bed.ts";
import { LONG_SETTLE_TIME, deploy, release } from "../../support/containers.ts";
import { SEPARATE_PROCESSES, startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";

function logged(env: NodeJS.ProcessEnv, isTTY = false) {
  const lines: string[] = [];
  const out = { isTTY, write: (text: string) => lines.push(text) };
  return { lines, log: openLog({ service: "updater", settings: readSettings(env, new Map()), out }) };
}

const ESC = "\u001b";

describe("the log", () => {
  it("is a JSON object a line, with the names of Ouroboros' levels", () => {
    const { lines, log } = logged({ LOG_LEVEL: "debug" });
    for (const level of ["debug", "info", "warn", "error", "fatal"] as const)
      log[level]({ run: "r1" }, "said");
    const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      objects.map(({ level }) => level),
      ["debug", "info", "warn", "error", "critical"],
    );
    assert.deepEqual(Object.keys(objects[0] ?? {}), ["level", "time", "service", "run", "msg"]);
    assert.match(String(objects[0]?.["time"]), /^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it("holds back what is below LOG_LEVEL", () => {
    const { lines, log } = logged({ LOG_LEVEL: "critical" });
    log.error("no");
    log.fatal("yes");
    assert.equal(lines.length, 1);
  });

  const readable: readonly [string, NodeJS.ProcessEnv, boolean, RegExp][] = [
    [
      "on a terminal, in colour",
      {},
      true,
      new RegExp(`^[0-9:]{8}  ${ESC}\\[33mwarn {4}${ESC}\\[0m  updater web  put back: it fell over\n$`),
    ],
    [
      "where LOG_FORMAT asks for it",
      { LOG_FORMAT: "pretty" },
      false,
      /^\d\d:\d\d:\d\d {2}warn {6}updater web {2}put back/,
    ],
    [
      "as JSON on a terminal where LOG_FORMAT asks for it",
      { LOG_FORMAT: "json" },
      true,
      /^\{"level":"warn".*\}\n$/,
    ],
  ];
  for (const [sentence, env, isTTY, expected] of readable)
    it(`is for people ${sentence}`, () => {
      const { lines, log } = logged(env, isTTY);
      log.warn({ container: "web", run: "r1", because: "it fell over" }, "put back");
      assert.match(lines.join(""), expected);
    });

  it("shows an error with its stack to people", () => {
    const { lines, log } = logged({ LOG_FORMAT: "pretty" });
    log.error({ err: new Error("broken") }, "ended by an error");
    assert.match(lines.join(""), /ended by an error\nError: broken\n {4}at /);
  });

  it("never shows a secret, in whatever spelling, nor a user in an address", () => {
    const secrets = { REPO_PASS: 'p"ss w/rd', NATS_PASSWORD: "hunter2", INFLUX_PASSWORD: "örtlich" };
    for (const format of ["json", "pretty"]) {
      const { lines, log } = logged({ ...secrets, LOG_FORMAT: format });
      log.info({ sent: { deep: [secrets.REPO_PASS] } }, "a hunter2 in the phrase");
      log.error({ err: new Error(`GET https://x/?p=${encodeURIComponent(secrets.REPO_PASS)} failed`) }, "no");
      log.info({ url: "nats://ann:other@nats:4222", city: secrets.INFLUX_PASSWORD }, "connected");
      const text = lines.join("");
      assert.doesNotMatch(text, /hunter2|p.{0,2}"ss|p%22ss|örtlich|ann:other/);
      assert.match(text, /nats:\/\/\(secret\)@nats:4222/);
    }
  });

  for (const [sentence, text] of [
    ["letters and dots", "a.b-c+".repeat(10_000)],
    ["one word", "a".repeat(60_000)],
    ["beginnings of addresses", "a://b".repeat(12_000)],
    ["an address without an end", `a://${"b".repeat(60_000)}`],
  ] as const)
    it(`takes no longer than it is long for ${sentence}`, () => {
      const { log } = logged({ REPO_PASS: "hunter2" });
      const began = performance.now();
      for (let n = 0; n < 5; n++) log.info({ text }, "said");
      const ms = performance.now() - began;
      assert.ok(ms < 1000, `${ms} ms for 300 KB`);
    });

  it("does not blot out what is a value by default", () => {
    const { lines, log } = logged({});
    log.info("the root of it");
    assert.match(lines.join(""), /the root of it/);
  });
});

describe("the log of a run", () => {
  it("bears its id on every line, in every service", async () => {
    await using h1 = engine(1);
    await deploy(h1, "db");
    await deploy(h1, "web", { create: { Labels: { "com.ouroboros.depends_on": "db" } } });
    await deploy(h1, "bad", { create: { Labels: LONG_SETTLE_TIME } });
    await release("apps/web", "2");
    await release("apps/bad", "2", { cmd: "exit 1" });
    const env = { REPO_PASS: "sesame-open", CLEANUP: "true", MONITOR: "web bad" };
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES, env });
    await stack.script("before_update/10-say.py", 'print("sesame-open for", old_container.name)\n');
    await stack.script("before_update/20-raise.py", "raise ValueError(old_container.name)\n");
    await stack.check();
    await stack.expectResult("web", "updated");
    await stack.expectResult("bad", "rolled_back");
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    const run = stack.records[0]?.run;
    for (const service of ["poller", "updater", "hook-executor"] as const) {
      const lines = (stack.services[service]?.log() ?? "")
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const ofRun = lines.filter((line) => line["run"] === run);
      assert.ok(ofRun.length > 0, `${service} says something of the run`);
      const between = lines.slice(lines.indexOf(ofRun[0] ?? {}), lines.indexOf(ofRun.at(-1) ?? {}));
      assert.deepEqual(
        between.filter((line) => line["run"] !== run),
        [],
        `of the ${service} while the run was under way`,
      );
      assert.doesNotMatch(stack.services[service]?.log() ?? "", /sesame-open/);
    }
  });
});
