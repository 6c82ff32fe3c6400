// A prune, or its owner, takes a dependency that is stopped for the update of another container.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import type { Engine } from "../../bed/bed.ts";
import { deploy, overview, release } from "../../support/containers.ts";
import { type EngineProxy, startEngineProxy } from "../../support/engine-proxy.ts";
import { awaitResults, update } from "../../support/runs.ts";
import { type Stack, startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import {
  type Share,
  WAITS,
  runPrunes,
  byCurl,
  containers,
  halves,
  nothingIsLeft,
  unused,
  volumes,
} from "./prune-calls.ts";
import { firstUnlessFull } from "../../support/full-run.ts";
import { testProgram } from "../../support/test-programs.ts";

const dyingUpdater = testProgram("crashing-updater");

const cases: readonly (readonly [says: string, (h: Engine) => Promise<void>])[] = [
  [
    "is made anew where a prune takes it, as it was",
    async (h) => {
      const old = await deployWithDependency(h);
      await using stack = await startStack({ engine: h, env: { MONITOR: "web" } });
      await act(h, stack, [["POST", containers]]);
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.deepEqual(await overview(h), ["db running 1", "web running 2"]);
      const db = await h.docker.getContainer("db").inspect();
      assert.notEqual(db.Id, old);
      assert.deepEqual([db.HostConfig.RestartPolicy?.Name, db.Config.Labels], ["always", { its: "own" }]);
      await nothingIsLeft(h, stack);
    },
  ],
  [
    "is made anew where a prune takes it before its own update",
    async (h) => {
      await deployWithDependency(h);
      await using stack = await startStack({ engine: h });
      await act(h, stack, [["POST", containers]]);
      await release("apps/db", "2", WAITS);
      assert.deepEqual(await update(stack), { db: "expired", web: "updated" });
      assert.deepEqual(await overview(h), ["db running 1", "web running 2"]);
      await nothingIsLeft(h, stack);
    },
  ],
  [
    "is made anew where a prune takes it in the middle of its own update",
    async (h) => {
      await deployWithDependency(h);
      let isMade = false;
      let isPruned = false;
      await using proxy = await startEngineProxy(h.socket, ({ method, url = "" }) => {
        if (isPruned) return undefined;
        if (!isMade) isMade = method === "POST" && /\/containers\/create\?(.*&)?name=db\./.test(url);
        else if (url.includes("/containers/")) {
          isPruned = true;
          return h.docker.pruneContainers().then(() => undefined);
        }
        return undefined;
      });
      await using stack = await startBehind(proxy, h, "web db");
      await stack.check();
      for (const name of ["web", "db"]) await release(`apps/${name}`, "2", name === "db" ? WAITS : {});
      const { db = "", web } = await update(stack);
      assert.ok(isPruned);
      assert.equal(web, "updated");
      assert.match(db, /^(?:expired|failed)$/); // the successor is gone, too
      assert.deepEqual(await overview(h), ["db running 1", "web running 2"]);
      await nothingIsLeft(h, stack);
    },
  ],
  [
    "is made anew where a prune takes it right before its start",
    async (h) => {
      const old = await deployWithDependency(h);
      let isPruned = false;
      await using proxy = await startEngineProxy(h.socket, ({ method, url = "" }) => {
        if (isPruned || method !== "GET" || !url.includes("/containers/db/json")) return undefined;
        return h.docker.pruneContainers().then(({ ContainersDeleted: gone }) => {
          isPruned = (gone ?? []).includes(old);
          return undefined;
        });
      });
      await using stack = await startBehind(proxy, h);
      await stack.check();
      await release("apps/web", "2");
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.ok(isPruned);
      assert.deepEqual(await overview(h), ["db running 1", "web running 2"]);
      await nothingIsLeft(h, stack);
    },
  ],
  [
    "is made anew where a prune takes it at the moment of its start",
    async (h) => {
      const old = await deployWithDependency(h);
      let isPruned = false;
      await using proxy = await startEngineProxy(h.socket, ({ method, url }) => {
        if (isPruned || method !== "POST" || url?.includes("/containers/db/start") !== true) return undefined;
        isPruned = true;
        return h.docker
          .pruneContainers()
          .then(() => [409, "container is marked for removal and cannot be started"] as const);
      });
      await using stack = await startBehind(proxy, h);
      await stack.check();
      await release("apps/web", "2");
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.ok(isPruned);
      assert.deepEqual(await overview(h), ["db running 1", "web running 2"]);
      assert.notEqual((await h.docker.getContainer("db").inspect()).Id, old);
      await nothingIsLeft(h, stack);
    },
  ],
  [
    "is made anew where a prune takes it, and then its image at the moment of that",
    async (h) => {
      const old = await deployWithDependency(h);
      let isPruned = false;
      await using proxy = await startEngineProxy(h.socket, ({ method, url }) => {
        const isMaking = method === "POST" && /\/containers\/create\?(.*&)?name=db\./.test(url ?? "");
        if (isPruned || !isMaking) return undefined;
        isPruned = true;
        return h.docker
          .pruneImages({ filters: { dangling: ["false"] } })
          .then(() => [404, "No such image: registry.lab:5000/apps/db:latest"] as const);
      });
      await using stack = await startBehind(proxy, h);
      await act(h, stack, [["POST", containers]]);
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.ok(isPruned);
      assert.deepEqual(await overview(h), ["db running 1", "web running 2"]);
      assert.notEqual((await h.docker.getContainer("db").inspect()).Id, old);
      await nothingIsLeft(h, stack);
    },
  ],
  [
    "stays away where its owner removes it",
    async (h) => {
      await deployWithDependency(h);
      await using stack = await startStack({ engine: h, env: { MONITOR: "web" } });
      await act(h, stack, [["DELETE", "/containers/db"]]);
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.deepEqual(await overview(h), ["web running 2"]);
      assert.match(stack.services.updater?.log() ?? "", /dependency was removed by its owner/);
      await nothingIsLeft(h, stack);
    },
  ],
  [
    "is made anew where a prune takes it, and the run's marker, after the updater was killed",
    async (h) => {
      const old = await deployWithDependency(h);
      await using stack = await startStack({
        engine: h,
        services: ["hook-executor", "poller"],
        env: { MONITOR: "web" },
      });
      const env = { DIE_AT: JSON.stringify([`POST /containers/${old}/stop.*`]) };
      const dying = stack.start("updater", { program: dyingUpdater, env });
      await stack.check();
      await release("apps/web", "2");
      await stack.check();
      assert.equal(await dying.exited, "SIGKILL");
      await runPrunes(h, [containers, volumes, unused]);
      stack.start("updater");
      const { run } = await until("a run has begun", () =>
        stack.records.find(({ kind }) => kind === "begun"),
      );
      assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
      assert.deepEqual(await overview(h), ["db running 1", "web running 2"]);
      await nothingIsLeft(h, stack);
    },
  ],
];

export function describeDependency(share: Share): void {
  for (const { h, title, cases: own } of firstUnlessFull(halves(cases, share)))
    describe(`a dependency that is stopped for an update, ${title}`, () => {
      afterEach(() => h.clean());
      for (const [says, check] of own) it(says, () => check(h));
    });
}

async function deployWithDependency(h: Engine): Promise<string> {
  await deploy(h, "web", { create: { Labels: { "com.ouroboros.depends_on": "db" } } });
  return deploy(h, "db", {
    imageOptions: WAITS,
    create: { Labels: { its: "own" }, HostConfig: { RestartPolicy: { Name: "always" } } },
  });
}

/** The updater reaches its Engine through the proxy. */
async function startBehind(proxy: EngineProxy, h: Engine, monitored = "web"): Promise<Stack> {
  const env = { MONITOR: monitored };
  const stack = await startStack({ engine: h, services: ["hook-executor", "poller"], env });
  stack.start("updater", { env: { DOCKER_SOCKETS: proxy.url } });
  return stack;
}

/** While it is stopped. */
async function act(h: Engine, stack: Stack, calls: Parameters<typeof byCurl>[1]): Promise<void> {
  await stack.script("before_update/act", `#!/bin/sh\n${byCurl(h, calls)}`);
  await stack.check();
  await release("apps/web", "2");
}
