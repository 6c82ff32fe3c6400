// A container in the network of another that its owner replaced or stopped: it runs on, and cannot be started again. One that
// was stopped for an update meanwhile is made anew, in the network of what bears the name now.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Engine, engine } from "../bed/bed.ts";
import { deploy, idOf, overview, pull, release } from "../support/containers.ts";
import { awaitResults, requestPlan } from "../support/runs.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun, firstUnlessFull } from "../support/full-run.ts";

const WAITS = { cmd: `trap "exit 0" TERM; sleep 100000 & wait` };

describe("a container whose network is that of a container", () => {
  it("that is gone or stopped is not stopped for an update, and says so", async () => {
    await using h1 = engine(1);
    const ids: Record<string, string> = {};
    for (const name of ["gone", "stopped"]) {
      const parent = await deploy(h1, `${name}-vpn`, { imageOptions: WAITS });
      const HostConfig = { NetworkMode: `container:${parent}` };
      ids[name] = await deploy(h1, name, { imageOptions: WAITS, create: { HostConfig } });
    }
    await h1.docker.getContainer("gone-vpn").remove({ force: true });
    await h1.docker.getContainer("stopped-vpn").stop();
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    for (const name of ["gone", "stopped"]) await release(`apps/${name}`, "2", WAITS);
    const ends = await awaitResults(stack, await requestPlan(stack));
    assert.deepEqual(ends, { stopped: "failed" });
    assert.match(
      stack.services.poller?.log() ?? "",
      /the container \w{12}, whose network or other namespace it shares, is gone: recreate it/,
    );
    assert.match(
      (await stack.awaitResult("stopped")).because,
      /refers to the container \w+, which is exited/,
    );
    assert.deepEqual(await overview(h1), ["gone running 1", "stopped running 1", "stopped-vpn exited 1"]);
    for (const name of ["gone", "stopped"]) assert.equal(await idOf(h1, name), ids[name]);
  });

  for (const [version, host] of firstUnlessFull([
    ["28.5", 1],
    ["20.10", 2],
  ] as const))
    it(`that its owner makes anew meanwhile is put back into the new one's: Engine ${version}`, async () => {
      await using h = engine(host);
      const vpn = await deploy(h, "vpn", { imageOptions: WAITS });
      const inside = { HostConfig: { NetworkMode: `container:${vpn}` } };
      await deploy(h, "app", { imageOptions: WAITS, create: { ...inside, Labels: LONG_LABEL } });
      await using stack = await startStack({ engine: h, env: { MONITOR: "app" } });
      await stack.check();
      await release("apps/app", "2", NEVER_HEALTHY);
      const run = await requestPlan(stack);
      await until("the new one is verified", async () => (await overview(h)).includes("app running 2"));
      const now = await makeAnew(h, "vpn");
      assert.deepEqual(await awaitResults(stack, run), { app: "rolled_back" });
      assert.deepEqual(await overview(h), ["app running 1", "vpn running 1"]);
      const app = await h.docker.getContainer("app").inspect();
      assert.equal(app.HostConfig.NetworkMode, `container:${now}`);
      assert.deepEqual(app.Config.Labels["com.ouroboros.settle_time"], "5s");
    });

  itInFullRun(
    "that is being verified is put into the old one's network again when that comes back",
    async () => {
      await using h1 = engine(1);
      await deploy(h1, "vpn", { imageOptions: WAITS, create: { Labels: LONG_LABEL } });
      const { reference } = await release("apps/app", "1", WAITS);
      await pull(h1, reference);
      await using stack = await startStack({ engine: h1, env: { MONITOR: "vpn" } });
      await stack.check();
      const old = await idOf(h1, "vpn");
      await release("apps/vpn", "2", NEVER_HEALTHY);
      const run = await requestPlan(stack);
      await until("the new one is verified", async () => (await overview(h1)).includes("vpn running 2"));
      const HostConfig = { NetworkMode: `container:${await idOf(h1, "vpn")}` }; // as compose resolves `service:vpn`
      await (await h1.docker.createContainer({ name: "app", Image: reference, HostConfig })).start();
      assert.deepEqual(await awaitResults(stack, run), { vpn: "rolled_back" });
      assert.deepEqual(await overview(h1), ["app running 1", "vpn running 1"]);
      const app = await h1.docker.getContainer("app").inspect();
      assert.equal(app.HostConfig.NetworkMode, `container:${old}`);
    },
  );

  itInFullRun(
    "that its owner makes anew while it is stopped as a dependency runs in the new one's",
    async () => {
      await using h1 = engine(1);
      const vpn = await deploy(h1, "vpn", { imageOptions: WAITS });
      const inside = { HostConfig: { NetworkMode: `container:${vpn}` } };
      await deploy(h1, "db", { imageOptions: WAITS, create: inside });
      const Labels = { ...LONG_LABEL, "com.ouroboros.depends_on": "db" };
      await deploy(h1, "web", { imageOptions: WAITS, create: { Labels } });
      await using stack = await startStack({ engine: h1, env: { MONITOR: "web" } });
      await stack.check();
      await release("apps/web", "2", WAITS);
      const run = await requestPlan(stack);
      await until("the new one is verified", async () => (await overview(h1)).includes("web running 2"));
      const now = await makeAnew(h1, "vpn");
      assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
      await until("it runs again", async () => (await overview(h1)).includes("db running 1"));
      assert.deepEqual(await overview(h1), ["db running 1", "vpn running 1", "web running 2"]);
      const db = await h1.docker.getContainer("db").inspect();
      assert.equal(db.HostConfig.NetworkMode, `container:${now}`);
    },
  );
});

const LONG_LABEL = { "com.ouroboros.settle_time": "5s" };
const NEVER_HEALTHY = { ...WAITS, healthcheck: { Test: ["CMD-SHELL", "false"], Interval: 1e9, Retries: 4 } };

/** As compose does it: the new one is there before the old one goes. Resolves with its id. */
async function makeAnew({ docker }: Engine, name: string): Promise<string> {
  const old = docker.getContainer(name);
  const { Config } = await old.inspect();
  const made = await docker.createContainer({ Image: Config.Image, name: `new_${name}` });
  await old.remove({ force: true });
  await made.rename({ name });
  await made.start();
  return made.id;
}
