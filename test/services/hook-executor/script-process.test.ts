import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import "../../bed/bed.ts"; // It starts scripts.
import { Suspended } from "../../../shared/errors.ts";
import {
  type HooksFolder,
  beforeUpdateEvent,
  hookEvent,
  hooksFolder,
  linesOf,
  runScripts,
  runs,
  gone,
  until,
} from "./scene.ts";

describe("the processes of scripts", () => {
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

  it("may write to /dev/stdout and /dev/stderr; both are logged line by line", async () => {
    await sh("1.sh", "echo one > /dev/stdout; echo two > /dev/stderr; printf 'th\\303\\251 end'");
    const ran = await runScripts(folder);
    assert.deepEqual(ran.verdict, { verdict: "proceed" });
    assert.deepEqual([...linesOf(ran)].sort(), ["one", "thé end", "two"]);
  });

  it("that print endlessly are cut off at the limit and do not fill the memory or the log", async () => {
    await sh("1.sh", "exec yes yes >&2");
    await sh("2.sh", "exec tr '\\0' x < /dev/zero");
    const before = process.memoryUsage().rss;
    const ran = await runScripts(folder, { HOOK_TIMEOUT: "1" });
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    assert.ok(grown < 150, `${grown} MiB more`);
    const reasons = (ran.verdict.reason ?? "").split("\n");
    assert.match(reasons[0] ?? "", /^1\.sh: failed: still running after 1 s: y/);
    assert.match(reasons.at(-1) ?? "", /^2\.sh: failed: still running after 1 s$/);
    const lines = linesOf(ran);
    assert.ok(lines.length < 510 && lines.some((line) => /^… and \d+ lines more$/.test(line)));
    assert.equal(lines.at(-1), "x".repeat(1000));
  });

  it("that run out of time are killed with all they began", async () => {
    await sh(
      "1.sh",
      `trap '' TERM; (trap '' TERM; sh -c 'echo $$ > OUT/grandchild; sleep 301' & sleep 302) & echo $$ > OUT/child
      while true; do sleep 303; done`,
    );
    const ran = await runScripts(folder, { HOOK_TIMEOUT: "3s" });
    assert.equal(ran.verdict.reason, "1.sh: failed: still running after 3 s");
    for (const name of ["child", "grandchild"]) {
      await gone(await folder.wrote(name));
    }
    await until("no sleep is left", () => processesWith("sleep\u000030[123]").length === 0);
  });

  it("get two seconds after SIGTERM to clean up", async () => {
    await sh("1.sh", "trap 'touch OUT/cleaned; exit 0' TERM; sleep 304 & wait");
    assert.equal(await reasonOf({ HOOK_TIMEOUT: "3s" }), "refuse: 1.sh: failed: still running after 3 s");
    assert.equal(await folder.left("cleaned"), "");
  });

  it("leave no child behind, and are not waited for because of one", async () => {
    await sh("1.sh", "sleep 305 & echo $! > OUT/pid");
    await sh("2.sh", "setsid sleep 20 & exit 0"); // beyond reach, but not in the way
    const began = performance.now();
    assert.equal(await reasonOf(), "proceed: ");
    assert.ok(performance.now() - began < 15_000);
    await gone(await folder.wrote("pid"));
  });

  it("need not read their input", async () => {
    const event = hookEvent("before_update", beforeUpdateEvent());
    await sh("1.sh", "exec 0<&-; sleep 0.05");
    const big = { ...event, text: JSON.stringify({ ...beforeUpdateEvent(), pad: "x".repeat(250_000) }) };
    assert.deepEqual((await runScripts(folder, {}, big)).verdict, { verdict: "proceed" });
  });

  it("run with sockets for pipes where no temporary folder can be written", async () => {
    await sh("1.sh", "cat > OUT/event; echo out; echo err >&2; exit 75");
    await sh("2.sh", "exec 0<&-; exit 0");
    const ran = await withTmpdir("/no/such/folder", () => runScripts(folder));
    assert.equal(ran.verdict.reason, "1.sh: err");
    assert.ok(linesOf(ran).includes("out"));
    assert.match((await folder.left("event")) ?? "", /^{"specversion":"1.0"/);
  });

  it("are cut short when the service stops: no verdict, no process", async () => {
    await sh("1.sh", "echo $$ > OUT/pid; sleep 306");
    await sh("2.sh", "touch OUT/second");
    const cut = new AbortController();
    const running = runScripts(folder, {}, undefined, cut.signal);
    const pid = await folder.wrote("pid");
    cut.abort();
    await assert.rejects(running, Suspended);
    await gone(pid);
    assert.equal(await folder.left("second"), undefined);
  });

  it("leave no temporary file", async () => {
    await sh("1.sh", "exit 0");
    await put("2.py", "");
    await using temporary = await hooksFolder();
    await withTmpdir(temporary.path, () => runScripts(folder));
    assert.deepEqual(readdirSync(temporary.path), ["out"]);
  });
});

async function withTmpdir<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = path;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
}

/** Command lines of running processes that match. */
function processesWith(pattern: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && runs(name))
    .map((pid) => commandOf(pid))
    .filter((command) => new RegExp(pattern).test(command));
}
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
