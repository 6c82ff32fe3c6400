import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun, firstUnlessFull } from "../support/full-run.ts";
import { testProgram } from "../support/test-programs.ts";

const h1 = engine(1);
const dyingUpdater = testProgram("crashing-updater");

/** It listens nowhere, and so can share a network. */
const WAITS = { cmd: 'trap "exit 0" TERM; sleep 100000 & wait' };

/** Notes each run of a script as `<event id>`; waits while the file `wait` is beside the hooks. */
const NOTING = `#!/bin/sh
echo "$OUROBOROS_EVENT_ID" >> "$HOOK_NOTES"
while [ -e "$HOOK_NOTES.wait" ]; do sleep 0.05; done
`;

describe("an updater that is killed", () => {
  afterEach(() => h1.clean());

  for (const hook of firstUnlessFull(["after_update", "before_update", "before_stop_depends_container"])) {
    it(`while it waits at ${hook}, goes on with the same event`, async () => {
      await using scene = await setUp({ waitFor: [hook] });
      const { stack } = scene;
      const killed = stack.start("updater");
      await stack.check();
      await writeFile(`${scene.notes}.wait`, "");
      await release("apps/web", "2");
      await stack.check();
      await until(`the script of ${hook} runs`, async () => (await scene.scriptRuns()).length === 1);
      killed.kill("SIGKILL");
      stack.start("updater");
      await until("the new updater acts", () => stack.services.updater?.log().includes("acts on the host"));
      await scene.letGo();
      await stack.expectResult("web", "updated");
      await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
      assert.deepEqual((await scene.scriptRuns()).length, 1);
      assert.deepEqual(await overview(h1), ["db running 1", "web running 2"]);
    });
  }

  it("with NATS gone altogether, recovers from the Engine alone", async () => {
    await using scene = await setUp({ waitFor: [] });
    const dying = scene.stack.start("updater", {
      program: dyingUpdater,
      env: { DIE_AFTER: "stop the old container" },
    });
    await scene.stack.check();
    const before = await idOf(h1, "web");
    await release("apps/web", "2");
    await scene.stack.check();
    assert.equal(await dying.exited, "SIGKILL");
    await scene.stack.server.kill("SIGKILL");
    scene.stack.start("updater");
    await until(
      "the old container runs",
      async () => (await overview(h1)).join() === "db running 1,web running 1",
    );
    assert.equal(await idOf(h1, "web"), before);
  });
});

describe("a hard dependency whose recreation a hook refused before the updater was killed", () => {
  afterEach(() => h1.clean());

  for (const [sentence, isAway] of firstUnlessFull([
    ["is put back", false],
    ["is put back once NATS, which alone knows, answers again", true],
  ] as const))
    it(sentence, async () => {
      const before = await deploy(h1, "db");
      const inside = { HostConfig: { NetworkMode: `container:${before}` } };
      const child = await deploy(h1, "child", { imageOptions: WAITS, create: inside });
      await deploy(h1, "web", { create: { Labels: { "com.ouroboros.hard_depends_on": "db" } } });
      await using stack = await startStack({
        ...{ engine: h1, services: ["hook-executor", "poller"], env: { MONITOR: "web" } },
      });
      await stack.script("after_recreate_hard_depends_container/no", "#!/bin/sh\nexit 1\n");
      await killedIn(stack, { DIE_AT: '["record decided after_recreate_hard_depends_container db"]' });
      assert.notEqual(await idOf(h1, "db"), before);
      if (isAway) await stack.server.kill("SIGKILL");
      const updater = stack.start("updater");
      if (isAway) {
        await until("it has recovered", () => updater.log().includes("NATS will tell whether it is kept"));
        await stack.server.restart();
      }
      await stack.expectResult("web", "updated");
      await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
      assert.deepEqual(await overview(h1), ["child running 1", "db running 1", "web running 2"]);
      assert.deepEqual([await idOf(h1, "db"), await idOf(h1, "child")], [before, child]);
    });
});

describe("recovery", () => {
  afterEach(() => h1.clean());

  const cases = [
    ["puts back", "stop the old container"],
    ["goes on", "give the name to the successor"],
  ] as const;
  for (const [sentence, step] of firstUnlessFull(cases))
    it(`that ${sentence} is killed after its first change, the next one after its second, and so on`, async () => {
      await using scene = await setUp({ waitFor: [] });
      const { stack } = scene;
      const web = await idOf(h1, "web");
      const inside = { HostConfig: { NetworkMode: `container:${web}` } };
      const create = { ...inside, Labels: { "com.ouroboros.enable": "false" } };
      await deploy(h1, "child", { imageOptions: WAITS, create });
      await killedIn(stack, { DIE_AFTER: step });
      const isFinished = () => stack.records.some(({ kind }) => kind === "finished");
      let deaths = 0;
      for (let n = 1; !isFinished(); n++) {
        const env = { DIE_AT_CHANGE: String(n) };
        const dying = stack.start("updater", { program: dyingUpdater, env });
        await Promise.race([dying.exited, until("the run is over", isFinished, { within: 120_000 })]);
        if (!isFinished()) deaths++;
      }
      assert.ok(deaths >= 3, `${deaths} deaths`);
      assert.deepEqual(await overview(h1), ["child running 1", "db running 1", "web running 2"]);
      const { HostConfig } = await h1.docker.getContainer("child").inspect();
      assert.equal(HostConfig.NetworkMode, `container:${await idOf(h1, "web")}`);
    });
});

describe("a container that a prune took between two deaths of the updater", () => {
  afterEach(() => h1.clean());

  it("is there again, and what links to it leads to it", async () => {
    await using scene = await setUp({ waitFor: [] });
    const { stack } = scene;
    await deploy(h1, "linker", { imageOptions: WAITS, create: { HostConfig: { Links: ["web:tunnel"] } } });
    await killedIn(stack, { DIE_AFTER: "move the old container's name aside" });
    const dying = stack.start("updater", { program: dyingUpdater, env: { DIE_AT_CHANGE: "1" } });
    assert.equal(await dying.exited, "SIGKILL", dying.log());
    await h1.docker.pruneContainers();
    stack.start("updater");
    await stack.expectResult("web", "updated");
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    assert.deepEqual(await overview(h1), ["db running 1", "linker running 1", "web running 2"]);
    await h1.docker.getContainer("linker").restart({ t: 1 });
  });
});

/** In the update of web. */
async function killedIn(stack: Stack, env: Readonly<Record<string, string>>): Promise<void> {
  const dying = stack.start("updater", { program: dyingUpdater, env });
  await stack.check();
  await release("apps/web", "2");
  await stack.check();
  assert.equal(await dying.exited, "SIGKILL", dying.log());
}

describe("two updaters on one host", () => {
  afterEach(() => h1.clean());

  it("do not both act; the second follows when the first is gone", async () => {
    await using scene = await setUp({ waitFor: ["before_update"] });
    const { stack } = scene;
    const first = stack.start("updater");
    await stack.check();
    await writeFile(`${scene.notes}.wait`, "");
    await release("apps/web", "2");
    await stack.check();
    await until("the script runs", async () => (await scene.scriptRuns()).length === 1);
    const second = stack.start("updater");
    await until("the second waits", () => second.log().includes("waiting for it"));
    assert.ok(!second.log().includes("acts on the host"));
    first.kill("SIGKILL");
    await until("the second acts", () => second.log().includes("acts on the host"));
    await scene.letGo();
    await stack.expectResult("web", "updated");
    assert.equal((await scene.scriptRuns()).length, 1);
  });

  itInFullRun("hand over when the first is idle, and the fence stops one that was only asleep", async () => {
    await using scene = await setUp({ waitFor: ["before_update"] });
    const { stack } = scene;
    const first = stack.start("updater");
    await stack.check();
    await writeFile(`${scene.notes}.wait`, "");
    await release("apps/web", "2");
    await stack.check();
    await until("the script runs", async () => (await scene.scriptRuns()).length === 1);
    first.kill("SIGSTOP");
    const second = stack.start("updater");
    await until("the second acts", () => second.log().includes("acts on the host"));
    await scene.letGo();
    await stack.expectResult("web", "updated");
    first.kill("SIGCONT");
    await until("the first stands by", () => first.log().includes("standing by"));
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    assert.deepEqual(await overview(h1), ["db running 1", "web running 2"]);
    assert.equal((await scene.scriptRuns()).length, 1);
  });
});

interface Scene extends AsyncDisposable {
  readonly stack: Stack;
  readonly notes: string;
  readonly scriptRuns: () => Promise<string[]>;
  readonly letGo: () => Promise<void>;
}

/** Web with a restart policy, a soft dependency and a noting script at each of the hooks; no updater yet. */
async function setUp({ waitFor }: { waitFor: readonly string[] }): Promise<Scene> {
  await deploy(h1, "db");
  await deploy(h1, "web", {
    create: {
      Labels: { "com.ouroboros.depends_on": "db" },
      HostConfig: { RestartPolicy: { Name: "always" } },
    },
  });
  const stack = await startStack({ engine: h1, services: [], env: { MONITOR: "web" } });
  const notes = join(stack.folder, "notes");
  for (const hook of waitFor) await stack.script(`${hook}/note`, NOTING.replaceAll("$HOOK_NOTES", notes));
  stack.start("hook-executor");
  stack.start("poller");
  return {
    stack,
    notes,
    scriptRuns: async () =>
      (await readFile(notes, "utf8").catch(() => "")).split("\n").filter((line) => line !== ""),
    letGo: () => rm(`${notes}.wait`),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}
