// What recovery finds after rarer ends of an earlier process: each state is built on the Engine as such an end leaves it,
// or comes about by one.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "mocha";
import { RepairResult } from "../../cli/output/output-schemas.ts";
import { backupName, successorName } from "../../shared/containers/swap-names.ts";
import { engine } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { assertLeft, deploy, idOf, overview, pull, release } from "../support/containers.ts";
import { startEngineProxy } from "../support/engine-proxy.ts";
import { awaitResults, requestPlan, update } from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack, withUpdaterLog } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull, itInFullRun } from "../support/full-run.ts";
import { testProgram } from "../support/test-programs.ts";

const h1 = engine(1);
const RUN = "0abc";
const dyingUpdater = testProgram("crashing-updater");

const policyOf = async (name: string, h = h1) =>
  (await h.docker.getContainer(name).inspect()).HostConfig.RestartPolicy?.Name;
const rename = (id: string, name: string) => h1.docker.getContainer(id).rename({ name });
/** What there is in the end. */
async function comesTo(expected: readonly string[], h = h1): Promise<void> {
  const isSo = async () => (await overview(h)).join() === expected.join();
  await until(expected.join(), isSo).catch(() => undefined);
  assert.deepEqual(await overview(h), expected);
}
const repair = async (stack: Stack) => {
  const { code, out } = await runOperatorCommand({ NATS_URL: stack.server.url }, ["repair", "-o", "json"]);
  return { code, restored: RepairResult.array().parse(JSON.parse(out))[0]?.restored };
};

describe("what an earlier updater left behind", () => {
  afterEach(() => h1.clean());

  it("a dependant that was recreated, with a parent that was put back: its old container is the one that is kept", async () => {
    const web = await deploy(h1, "web");
    const child = await deploy(h1, "child", { imageOptions: WAITS, create: inNetworkOf(web) });
    const successor = await secondOf("web", successorName("web", RUN));
    const recreated = await h1.docker.createContainer({
      name: successorName("child", RUN),
      Image: "registry.lab:5000/apps/child:latest",
      ...inNetworkOf(successor),
    });
    await h1.docker.getContainer(child).stop();
    await rename(child, backupName("child", RUN, recreated.id));
    await recreated.rename({ name: "child" });
    await using stack = await startStack({ engine: h1, services: ["updater"] });
    await comesTo(["child running 1", "web running 1"]);
    assert.deepEqual([await idOf(h1, "web"), await idOf(h1, "child")], [web, child]);
    await withUpdaterLog(stack, assertLeft(h1, ["h1: container /child", "h1: container /web"]));
  });

  itInFullRun(
    "dependants whose old containers are gone: there is no way back, though the new one proves itself no more",
    async () => {
      const old = await deploy(h1, "web");
      const web = await secondOf("web", successorName("web", RUN), { health: "false" });
      await h1.docker.getContainer(old).stop();
      await rename(old, backupName("web", RUN)); // as an earlier version of the program named it
      await rename(web, "web");
      await h1.docker.getContainer(web).start();
      const child = await deploy(h1, "child", { imageOptions: WAITS, create: inNetworkOf(web) });
      await using _stack = await startStack({ engine: h1, services: ["updater"] });
      await comesTo(["child running 1", "web running 2"]);
      assert.deepEqual([await idOf(h1, "web"), await idOf(h1, "child")], [web, child]);
    },
  );

  itInFullRun(
    "a container that cannot be put right: the others are, and it is once that is possible",
    async () => {
      await using folder = await mounted();
      await deploy(h1, "web");
      await secondOf("web", successorName("web", RUN));
      await h1.docker.getContainer("web").stop();
      await deploy(h1, "other", { create: { HostConfig: { Mounts: [folder.mount] } } });
      await h1.docker.getContainer("other").stop();
      await rename("other", successorName("other", RUN)); // somebody removed the old one
      await rm(folder.path, { recursive: true });
      await using stack = await startStack({ engine: h1, services: ["updater"] });
      await comesTo([`${successorName("other", RUN)} exited 1`, "web running 1"]);
      const stuck = await repair(stack);
      assert.deepEqual(
        [stuck.code, stuck.restored?.map(({ container, end }) => [container, end])],
        [2, [["other", "stuck"]]],
      );
      assert.match(
        stuck.restored?.[0]?.because ?? "",
        /bind source path does not exist.*`ouroboros repair other`/s,
      );
      await mkdir(folder.path);
      assert.equal((await repair(stack)).code, 0);
      assert.deepEqual(await overview(h1), ["other running 1", "web running 1"]);
    },
  );

  it("a dependency that could not be started again: the run ends, and repair starts it", async () => {
    await using folder = await mounted();
    await deploy(h1, "db", { create: { HostConfig: { Mounts: [folder.mount] } } });
    await deploy(h1, "web", { create: { Labels: { "com.ouroboros.depends_on": "db" } } });
    await using stack = await startStack({ engine: h1, env: { MONITOR: "web" } });
    await stack.script("before_update/spoil", `#!/bin/sh\nrmdir ${folder.path}\n`);
    await stack.check();
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { web: "updated" });
    assert.deepEqual(await overview(h1), ["db exited 1", "web running 2"]);
    assert.match(stack.services.updater?.log() ?? "", /dependency could not be started .*`ouroboros repair`/);
    const stuck = await repair(stack);
    assert.deepEqual([stuck.code, stuck.restored?.map(({ container }) => container)], [2, ["db"]]);
    await mkdir(folder.path);
    assert.equal((await repair(stack)).code, 0);
    assert.deepEqual(await overview(h1), ["db running 1", "web running 2"]);
    assert.deepEqual((await h1.docker.listVolumes()).Volumes ?? [], []);
  });

  const renamedMeanwhile: readonly (readonly [says: string, DIE_AT: string])[] = [
    ["had made its successor", "POST /containers/create\\?.*name=web\\..*"],
    ["was to stop it", "step keep the old image of web"],
    ["had stopped it", "step stop the old container of web"],
  ];
  for (const [says, point] of firstUnlessFull(renamedMeanwhile.toReversed()))
    it(`an old container that its owner renames while the updater is dead that ${says}: it runs on, alone`, async () => {
      const web = await deploy(h1, "web", { create: { HostConfig: { RestartPolicy: { Name: "always" } } } });
      await using stack = await startStack({ engine: h1, services: ["hook-executor", "poller"] });
      const env = { DIE_AT: JSON.stringify([point]) };
      const dying = stack.start("updater", { program: dyingUpdater, env });
      await stack.check();
      await release("apps/web", "2");
      await stack.check();
      assert.equal(await dying.exited, "SIGKILL");
      await rename("web", "moved");
      stack.start("updater");
      await comesTo(["moved running 1"]);
      assert.deepEqual([await idOf(h1, "moved"), await policyOf("moved")], [web, "always"]);
    });

  itInFullRun("an old container that is alone, with its restart policy parked: it has it again", async () => {
    const web = await deploy(h1, "web", { create: { HostConfig: { RestartPolicy: { Name: "always" } } } });
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await stack.script("after_update/wait", `#!/bin/sh\ntouch ${stack.folder}/asked\nsleep 60\n`);
    await stack.check();
    await release("apps/web", "2");
    await stack.check();
    await until(
      "it is asked",
      async () => (await overview(h1)).includes("web running 2") && existsSync(join(stack.folder, "asked")),
    );
    stack.services.updater?.kill("SIGKILL");
    await h1.docker.getContainer("web").remove({ force: true });
    stack.start("updater");
    const how = { within: 90_000, explain: () => stack.services.updater?.log() ?? "" }; // it waits for who may act yet
    await until("the old one runs", async () => (await overview(h1)).join() === "web running 1", how);
    assert.deepEqual([await idOf(h1, "web"), await policyOf("web")], [web, "always"]);
  });

  itInFullRun(
    "a task of the old container and of a dependency, by an Engine that was killed: others like them run",
    async () => {
      const web = await deploy(h1, "web", { create: { Labels: { "com.ouroboros.depends_on": "db" } } });
      const db = await deploy(h1, "db");
      let isDbMade = false;
      await using proxy = await startEngineProxy(h1.socket, ({ method, url = "" }) => {
        isDbMade ||= /\/containers\/create\?(.*&)?name=db\./.test(url);
        const refused = [web, db, ...(isDbMade ? [] : ["db"])];
        return method === "POST" && refused.some((one) => url.endsWith(`/containers/${one}/start`))
          ? [500, `task ${web}: already exists`]
          : undefined;
      });
      await using stack = await startStack({
        engine: h1,
        services: ["hook-executor", "poller"],
        env: { MONITOR: "web" },
      });
      stack.start("updater", { env: { DOCKER_SOCKETS: proxy.url } });
      await stack.script("after_update/no", "#!/bin/sh\nexit 1\n");
      await stack.check();
      await release("apps/web", "2");
      assert.deepEqual(await update(stack), { web: "rolled_back" });
      assert.deepEqual(await overview(h1), ["db running 1", "web running 1"]);
      const now = [await idOf(h1, "web"), await idOf(h1, "db")];
      assert.ok(!now.includes(web) && !now.includes(db));
      await assertLeft(h1, ["h1: container /db", "h1: container /web"]);
    },
  );

  itInFullRun(
    "the same, killed when the other was made and the one that cannot be started was there still",
    async () => {
      const web = await deploy(h1, "web");
      await using proxy = await startEngineProxy(h1.socket, ({ method, url = "" }) =>
        method === "POST" && url.endsWith(`/containers/${web}/start`)
          ? [500, `task ${web}: already exists`]
          : undefined,
      );
      await using stack = await startStack({ engine: h1, services: ["hook-executor", "poller"] });
      const engineOf = { DOCKER_SOCKETS: proxy.url };
      const dieAt = JSON.stringify(["POST /containers/create.*ouroboros-old.*"]);
      const dying = stack.start("updater", { program: dyingUpdater, env: { ...engineOf, DIE_AT: dieAt } });
      await stack.script("after_update/no", "#!/bin/sh\nexit 1\n");
      await stack.check();
      await release("apps/web", "2");
      const run = await requestPlan(stack);
      assert.equal(await dying.exited, "SIGKILL");
      assert.equal((await overview(h1)).length, 3);
      stack.start("updater", { env: engineOf });
      assert.deepEqual(
        await awaitResults(stack, run, 90_000),
        { web: "rolled_back" },
        stack.services.updater?.log(),
      );
      assert.deepEqual(await overview(h1), ["web running 1"]);
      assert.notEqual(await idOf(h1, "web"), web);
      await assertLeft(h1, ["h1: container /web"]);
    },
  );

  it("an old container that cannot be started: its run says that it is stuck, and repair starts it", async () => {
    await using folder = await mounted();
    await deploy(h1, "web", { create: { HostConfig: { Mounts: [folder.mount] } } });
    await using stack = await startStack({ engine: h1, services: ["hook-executor", "poller"] });
    const dying = stack.start("updater", {
      program: dyingUpdater,
      env: { DIE_AFTER: "stop the old container" },
    });
    await stack.check();
    await release("apps/web", "2");
    const run = await requestPlan(stack);
    assert.equal(await dying.exited, "SIGKILL");
    await rm(folder.path, { recursive: true });
    stack.start("updater");
    assert.deepEqual(await awaitResults(stack, run), { web: "stuck" });
    assert.deepEqual((await repair(stack)).code, 2);
    await mkdir(folder.path);
    assert.deepEqual((await repair(stack)).code, 0);
    assert.deepEqual(await overview(h1), ["web running 1"]);
  });

  it("a swap, by an updater that may change nothing any more: it is ended all the same", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1, services: ["hook-executor", "poller"] });
    const dying = stack.start("updater", {
      program: dyingUpdater,
      env: { DIE_AFTER: "give the name to the successor" },
    });
    await stack.check();
    await release("apps/web", "2");
    await stack.check();
    assert.equal(await dying.exited, "SIGKILL");
    stack.start("updater", { env: { MONITOR_ONLY: "true" } });
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    assert.deepEqual(await overview(h1), ["web running 2"]);
  });
});

describe("a label com.ouroboros.stop_signal on an Engine whose stop takes no signal", () => {
  const h2 = engine(2);
  afterEach(() => h2.clean());

  itInFullRun(
    "costs nobody the restart policy: not what is put back, and not what is stopped beside it",
    async () => {
      const signal = { "com.ouroboros.stop_signal": "SIGTERM" };
      const create = { Labels: signal, HostConfig: { RestartPolicy: { Name: "unless-stopped" } } };
      await deploy(h2, "db", { create });
      const Labels = { ...signal, "com.ouroboros.depends_on": "db", "com.ouroboros.settle_time": "5s" };
      await deploy(h2, "web", { create: { ...create, Labels } });
      await using stack = await startStack({ engine: h2, env: { MONITOR: "web" } });
      await stack.check();
      await release("apps/web", "2", { cmd: ["false"] });
      assert.deepEqual(await update(stack), { web: "rolled_back" });
      assert.deepEqual(await overview(h2), ["db running 1", "web running 1"]);
      assert.deepEqual(
        [await policyOf("web", h2), await policyOf("db", h2)],
        ["unless-stopped", "unless-stopped"],
      );
    },
  );
});

const WAITS = { cmd: `trap "exit 0" TERM; sleep 100000 & wait` };
const inNetworkOf = (id: string) => ({ HostConfig: { NetworkMode: `container:${id}` } });

/** A container of version 2, created. Resolves with its id. */
async function secondOf(image: string, name: string, options: { health?: string } = {}): Promise<string> {
  const { reference } = await release(`apps/${image}`, "2", options);
  await pull(h1, reference);
  return (await h1.docker.createContainer({ name, Image: reference })).id;
}

async function mounted() {
  const path = await mkdtemp(join(tmpdir(), "mounted-"));
  return {
    path,
    mount: { Type: "bind", Source: path, Target: "/data" } as const,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
