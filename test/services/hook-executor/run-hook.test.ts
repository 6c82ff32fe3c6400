import assert from "node:assert/strict";
import "../../bed/bed.ts"; // It starts scripts.
import { type HooksFolder, beforeUpdateEvent, hookEvent, hooksFolder, runScripts } from "./scene.ts";

describe("the scripts of an event", () => {
  let folder: HooksFolder;
  beforeEach(async () => {
    folder = await hooksFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());
  const sh = (name: string, text: string) => folder.put(`before_update/${name}`, `#!/bin/sh\n${text}\n`);
  const put = (name: string, text: string) => folder.put(`before_update/${name}`, text, 0o644);
  const reasonOf = async (env?: NodeJS.ProcessEnv) => {
    const { verdict } = await runScripts(folder, env);
    return `${verdict.verdict}: ${verdict.reason ?? ""}`;
  };

  it("run one after the other, of all three kinds, each whatever the ones before it said", async () => {
    const append = (name: string) => `open("OUT/order", "a").write("${name}\\n")`;
    await sh("1.sh", "sleep 0.1; echo 1 >> OUT/order; exit 1");
    await put("2.py", `${append("2")}\nraise ValueError("no matter")`);
    await put(
      "3.mjs",
      `import { appendFileSync } from "node:fs";\nexport default () => appendFileSync("OUT/order", "3\\n");`,
    );
    await put("4.js", `export default () => { throw new Error("broken"); }`);
    await put("5.py", `${append("5")}\nrefuse("never on Fridays")`);
    await sh("6", "echo 6 >> OUT/order");
    const { verdict } = await runScripts(folder);
    assert.equal(await folder.left("order"), "1\n2\n3\n5\n6\n");
    assert.equal(verdict.verdict, "refuse");
    const reason = verdict.reason ?? "";
    assert.match(reason, /^1\.sh: failed: exit code 1$/m);
    assert.match(reason, /^4\.js: failed: exit code 1: .*\n(?:.*\n)*Error: broken$/m);
    assert.match(reason, /^5\.py: never on Fridays$/m);
  });

  const exits: readonly [string, string, string][] = [
    ["0 proceeds", "echo fine >&2; exit 0", "proceed: "],
    ["75 defers", "echo later >&2; exit 75", "defer: x.sh: later"],
    ["75 without a word defers", "exit 75", "defer: x.sh: exit code 75"],
    ["21 defers", "exit 21", "defer: x.sh: exit code 21"],
    [
      "1 is a failure, which refuses",
      "echo disk full >&2; exit 1",
      "refuse: x.sh: failed: exit code 1: disk full",
    ],
    ["a signal is a failure", "kill -SEGV $$", "refuse: x.sh: failed: killed by SIGSEGV"],
    [
      "127, an unknown command, is a failure",
      "exec /no/such 2>/dev/null",
      "refuse: x.sh: failed: exit code 127",
    ],
  ];
  for (const [title, text, expected] of exits)
    it(`exit code ${title}`, async () => {
      await sh("x.sh", text);
      assert.equal(await reasonOf(), expected);
    });

  it("that cannot be started fail, and the others run", async () => {
    await folder.put("before_update/1", "#!/no/such/interpreter\n");
    await sh("2.sh", "touch OUT/ran");
    assert.match(
      await reasonOf(),
      /^refuse: 1: failed: \/no\/such\/interpreter, which runs \S+, is not there/,
    );
    assert.equal(await folder.left("ran"), "");
  });

  it("that fail let the update go on with HOOK_FAILURE=proceed, and the reason is told", async () => {
    await sh("1.sh", "exit 3");
    await put("2.mjs", "export default 5;");
    const reason = await reasonOf({ HOOK_FAILURE: "proceed" });
    assert.match(
      reason,
      /^proceed: 1\.sh: failed, which HOOK_FAILURE lets pass: exit code 3\n2\.mjs: failed/,
    );
    await sh("3.sh", "exit 75");
    assert.equal(await reasonOf({ HOOK_FAILURE: "proceed" }), "defer: 3.sh: exit code 75");
  });

  it("get the event as standard input, which /dev/stdin opens, too, and in variables", async () => {
    await sh("1.sh", "cat /dev/stdin > OUT/event; env | grep ^OUROBOROS | sort > OUT/env; pwd > OUT/cwd");
    await runScripts(folder);
    const event = JSON.parse((await folder.left("event")) ?? "") as ReturnType<typeof beforeUpdateEvent>;
    assert.equal(event.type, "ouroboros.before_update.v1");
    assert.equal(event.data["run"], "run-1");
    assert.equal(
      await folder.left("env"),
      [
        `OUROBOROS_CONTAINER_ID=${"c".repeat(64)}`,
        "OUROBOROS_CONTAINER_NAME=app",
        "OUROBOROS_EVENT_ID=run-1-before_update-app",
        "OUROBOROS_HOOK=before_update",
        "OUROBOROS_HOST=web-01.example.com",
        "OUROBOROS_IMAGE=registry.lab:5000/app:1",
        "OUROBOROS_MODE=update",
        `OUROBOROS_NEW_IMAGE=sha256:${"b".repeat(64)}`,
        `OUROBOROS_OLD_IMAGE=sha256:${"a".repeat(64)}`,
        "OUROBOROS_REASON=a new image",
        "OUROBOROS_RUN=run-1",
        "",
      ].join("\n"),
    );
    assert.equal(await folder.left("cwd"), `${folder.path}/before_update\n`);
  });

  it("see a named part of the environment and what HOOK_ENV names, but never a secret of ours", async () => {
    await sh("1.sh", "env > OUT/env");
    await put("2.py", `import os; open("OUT/env", "a").write(repr(dict(os.environ)))`);
    await put(
      "3.mjs",
      `import fs from "node:fs"; export default () => fs.appendFileSync("OUT/env", JSON.stringify(process.env));`,
    );
    const ran = await runScripts(folder, {
      LANG: "C.UTF-8",
      MY_TOKEN: "mine",
      OTHER: "not-asked-for",
      NATS_PASSWORD: "secret-1",
      REPO_PASS: "secret-2",
      NATS_NKEY: "secret-3",
      HOOK_ENV: "MY_TOKEN NATS_PASSWORD NATS_CREDS_FILE",
    });
    const seen = (await folder.left("env")) ?? "";
    assert.match(seen, /^LANG=C.UTF-8$/m);
    assert.equal(seen.split("mine").length, 4);
    assert.doesNotMatch(seen, /secret|not-asked-for|NATS_/);
    assert.deepEqual(
      ran.log.filter(({ msg }) => /names a secret/.test(String(msg))).map(({ variable }) => variable),
      ["NATS_PASSWORD", "NATS_CREDS_FILE"],
    );
  });

  it("tell why with the last 10 KiB of stderr, readable whatever was in it", async () => {
    await sh(
      "1.sh",
      `i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done >&2
      printf '\\033[31mred\\033[0m \\377\\376 bytes\\000\\a\\n' >&2; exit 1`,
    );
    const { verdict } = await runScripts(folder);
    const reason = verdict.reason ?? "";
    assert.match(reason, /line 2999\nred \uFFFD\uFFFD bytes$/);
    assert.doesNotMatch(reason, /line 1500\n/);
    assert.ok(reason.length > 10_000 && reason.length < 10_500, `${reason.length} characters`);
  });

  it("are not run for an event that nobody waits for any more", async () => {
    await sh("1.sh", "touch OUT/ran");
    const old = { ...hookEvent("before_update", beforeUpdateEvent()), storedAt: Date.now() - 3_700_000 };
    assert.equal((await runScripts(folder, {}, old)).verdict.verdict, "defer");
    assert.equal(await folder.left("ran"), undefined);
  });
});
