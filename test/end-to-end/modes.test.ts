import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, afterEach, before, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { LONG_SETTLE_TIME, deploy, overview, release } from "../support/containers.ts";
import { addParticipant } from "../support/participants.ts";
import { readHold, skippedContainers, update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull } from "../support/full-run.ts";

const h1 = engine(1);
const REFUSING = "#!/bin/sh\nexit 1\n";

/** [the setting, what the stricter service is, the mode, the hook that tells of an update] */
const modes = [
  ["DRY_RUN", "poller", "dry_run", "dry_run_update"],
  ["DRY_RUN", "updater", "dry_run", "dry_run_update"],
  ["MONITOR_ONLY", "poller", "monitor", "notify_update"],
] as const;

for (const [setting, service, mode, hook] of firstUnlessFull(modes)) {
  describe(`${setting} of the ${service}`, () => {
    afterEach(() => h1.clean());

    it(`touches nothing, tells ${hook} and the hooks of the dependencies, and waits for nobody elsewhere`, async () => {
      await deploy(h1, "db");
      await deploy(h1, "cache");
      await deploy(h1, "web", { create: { Labels: { "com.ouroboros.depends_on": "db,cache" } } });
      await using stack = await startStack({ engine: h1, services: [] });
      await stack.script("before_stop_depends_container/refuse", REFUSING);
      await stack.script(`${hook}/refuse`, REFUSING);
      const only = (it: string) => ({ env: it === service ? { [setting]: "true" } : {} });
      stack.start("updater", only("updater"));
      stack.start("hook-executor");
      await until("the updater acts", () => stack.services.updater?.log().includes("acts on the host"));
      const hooks = ["updates_enumerated", "before_stop_depends_container", hook] as const;
      await using elsewhere = await addParticipant(stack, "elsewhere", { hooks }, () => undefined);
      await release("apps/web", "2");
      const before = Math.ceil(Date.now() / 1000);
      stack.start("poller", only("poller"));
      const { end } = await stack.awaitResult("web");
      await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
      assert.equal(end, "noted");
      assert.deepEqual(await happened(before), []);
      assert.deepEqual(await overview(h1), ["cache running 1", "db running 1", "web running 1"]);
      const [first, ...heard] = stack.heard();
      assert.equal(first, "updates_enumerated");
      assert.deepEqual(heard.slice(0, 2).sort(), both("before_stop_depends_container"));
      assert.deepEqual(heard.slice(2, 3), [`${hook} web`]);
      assert.deepEqual(heard.slice(3).sort(), both("before_start_depends_container"));
      assert.deepEqual(
        new Set(stack.events.slice(1).map(({ event }) => event.data["mode"])),
        new Set([mode]),
      );
      const asked = stack.records.flatMap((record) => (record.kind === "waiting" ? record.participants : []));
      assert.deepEqual([...new Set(asked.map(({ name }) => name))], ["exec_h1"]);
      await until("they hear of it elsewhere", () => elsewhere.asked.includes(`${hook} web`));
      const decided = stack.records.filter((record) => record.kind === "decided");
      assert.deepEqual(
        decided.filter(({ verdict }) => verdict === "refuse").map((record) => record.hook),
        Array(2).fill("before_stop_depends_container"),
      );
      assert.match(
        decided.find((record) => record.hook === hook)?.reason ?? "",
        /^refuse of exec_h1 has no effect/,
      );
      assert.equal(await readHold(stack, "web"), undefined);
      if (setting === "DRY_RUN" && service === "poller") assert.equal(await stack.services.poller?.exited, 0);
    });
  });
}

describe("MONITOR_ONLY", () => {
  afterEach(() => h1.clean());

  it("tells each update once", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1, env: { MONITOR_ONLY: "true" } });
    await stack.check();
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { web: "noted" });
    assert.deepEqual(await skippedContainers(stack), {
      web: "a newer image is there, and was reported already: MONITOR_ONLY only reports it",
    });
    await release("apps/web", "3");
    const { due } = (await stack.check()) as unknown as { readonly due: readonly { because: string }[] };
    assert.deepEqual(
      due.map(({ because }) => because),
      ["a newer image is there, and MONITOR_ONLY only reports it"],
    );
    const notified = () => stack.heard().filter((one) => one.startsWith("notify"));
    await until("it is told again", () => notified().length === 2);
    assert.deepEqual(notified(), ["notify_update web", "notify_update web"]);
  });
});

describe("RUN_ONCE", () => {
  let stack: Stack;

  before(async () => {
    stack = await startStack({
      engine: h1,
      services: ["updater", "hook-executor"],
      env: { SETTLE_TIME: "2s" },
    });
  });
  afterEach(() => h1.clean());
  after(() => stack[Symbol.asyncDispose]());

  const once = (): Promise<number | string> => stack.start("poller", { env: { RUN_ONCE: "true" } }).exited;

  it("exits with 0 where nothing was due, all was updated, or someone said no", async () => {
    await deploy(h1, "web");
    assert.equal(await once(), 0);
    assert.deepEqual(stack.heard(), []);
    await release("apps/web", "2");
    assert.equal(await once(), 0);
    assert.deepEqual(await overview(h1), ["web running 2"]);
    await stack.script("before_update/refuse", REFUSING);
    await release("apps/web", "3");
    assert.equal(await once(), 0);
    assert.equal(await once(), 0);
    assert.deepEqual(await overview(h1), ["web running 2"]);
    assert.equal(stack.heard().filter((one) => one === "updates_enumerated").length, 2);
  });

  it("exits with 1 where an update did not come about", async () => {
    await deploy(h1, "api");
    await deploy(h1, "bad", { create: { Labels: LONG_SETTLE_TIME } });
    await stack.script("before_update/refuse", "#!/bin/sh\n");
    await release("apps/api", "2");
    await release("apps/bad", "2", { cmd: "exit 1" });
    assert.equal(await once(), 1);
    assert.deepEqual(await overview(h1), ["api running 2", "bad running 1"]);
  });

  it("exits with 2 where a person is needed, and says what to do", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mounted-"));
    const mount = { Type: "bind", Source: folder, Target: "/data" } as const;
    await deploy(h1, "lost", { create: { HostConfig: { Mounts: [mount] } } });
    await stack.script("after_update/spoil", `#!/bin/sh\nrmdir ${folder}\nexit 1\n`);
    await release("apps/lost", "2");
    assert.equal(await once(), 2);
    const { end, because } = await stack.awaitResult("lost");
    assert.equal(end, "stuck");
    assert.match(because, /By hand: .*docker ps -a/);
    await rm(folder, { recursive: true, force: true });
  });
});

const both = (hook: string): string[] => [`${hook} cache`, `${hook} db`];

/** What the Engine did since then (whole seconds), but for looking. */
async function happened(since: number): Promise<string[]> {
  const until = Math.ceil(Date.now() / 1000);
  const events = await h1.docker.getEvents({ since, until });
  return (await text(events))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { Type: string; Action: string })
    .map(({ Type, Action }) => `${Type} ${Action}`);
}
