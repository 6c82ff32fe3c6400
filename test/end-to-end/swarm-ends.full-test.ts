// The rarer ends of a service's update: stuck, a node that is demoted meanwhile, an owner who is faster than the answer, a
// node that is paused.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { release } from "../support/containers.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { demote, formSwarm, serviceSeenBy, setAvailability } from "../support/swarm.ts";
import { testProgram } from "../support/test-programs.ts";
import { until } from "../support/until.ts";

const dyingUpdater = testProgram("crashing-updater");
const [h1, h3] = [engine(1), engine(3)];
const SWARM = { SWARM: "true", HOOK_TIMEOUT: "10m" };
const SECOND = 1e9;

/** Answers after_service_update once it is told to: resolves with the file that lets it. */
async function answerLater(stack: Stack, verdict: "proceed" | "refuse"): Promise<string> {
  const go = join(stack.folder, "go");
  await stack.script(
    "after_service_update/10-later",
    `#!/bin/sh
while [ ! -e ${go} ]; do sleep 0.2; done
[ ${verdict} = proceed ] || { echo "too slow" >&2; exit 1; }
`,
  );
  return go;
}

const isAsked = (stack: Stack): Promise<true> =>
  until("after_service_update is asked", () => stack.heard().includes("after_service_update web"));

async function whyLeft(stack: Stack, name: string): Promise<string | undefined> {
  const { left } = (await stack.check()) as { left: { container: string; because: string }[] };
  return left.find(({ container }) => container === name)?.because;
}

describe("the update of a service", () => {
  it("is stuck where the image before does not run any more either, and the service is left alone then", async () => {
    await using swarm = await formSwarm([h1]);
    const once =
      "[ ! -e /state/used ] || exit 7; touch /state/used; trap 'exit 0' TERM; while :; do sleep 1; done";
    const { reference, digest } = await release("apps/web", "1", { cmd: once });
    await swarm.deploy("web", {
      image: `${reference}@${digest}`,
      imageOptions: { cmd: once },
      spec: {
        TaskTemplate: {
          ContainerSpec: {
            Image: `${reference}@${digest}`,
            Mounts: [{ Type: "volume", Source: "state", Target: "/state" }],
          },
          RestartPolicy: { Condition: "any", Delay: SECOND / 2 },
        },
        UpdateConfig: { Parallelism: 1, Monitor: 20 * SECOND, FailureAction: "pause" },
        RollbackConfig: { Parallelism: 1, Monitor: 20 * SECOND, FailureAction: "pause" },
      },
    });
    await until("it runs", async () => (await swarm.running("web")).length === 1);
    await using stack = await startStack({ engine: h1, env: SWARM });
    await release("apps/web", "2", { cmd: "exit 8" });
    await stack.check();
    const { end, because } = await stack.awaitResult("web", { within: 180_000 });
    assert.equal(end, "stuck", because);
    assert.match(because, /non-zero exit \(8\).*; its rollback is paused: /s);
    assert.match((await whyLeft(stack, "web")) ?? "", /^its last update is paused: /);
  });

  for (const [when, dies] of [
    ["while its answer is awaited", false],
    ["and whose updater is killed as it records the refusal", true],
  ] as const)
    it(`by a node that is demoted ${when} is stuck where it is refused, and the refusal is not lost`, async () => {
      await using swarm = await formSwarm([h1, h3], "Manager");
      await swarm.deploy("web");
      await using stack = await startStack({ engine: h1, services: ["hook-executor", "poller"], env: SWARM });
      const go = await answerLater(stack, "refuse");
      const first = stack.start(
        "updater",
        dies ? { program: dyingUpdater, env: { DIE_AT: '["record reverting web"]' } } : {},
      );
      const { digest } = await release("apps/web", "2");
      await stack.check();
      await isAsked(stack);
      await demote(h3, h1);
      await until("the node is a worker", async () => {
        const { swarm: note } = (await stack.check()) as { swarm?: { because: string } };
        return note?.because.includes("this node is a worker") === true;
      });
      await writeFile(go, "");
      if (dies) {
        assert.equal(await first.exited, "SIGKILL");
        stack.start("updater");
      }
      const { end, because } = await stack.awaitResult("web", { within: 120_000 });
      assert.equal(end, "stuck", because);
      assert.match(
        because,
        /refused at after_service_update: .*too slow.*; this node manages the swarm no more/s,
      );
      assert.equal((await serviceSeenBy(h3, "web"))?.digest, digest);
      await h1.docker.swarmLeave({ force: true });
      for (const { ID } of await h3.docker.listServices()) await h3.docker.getService(ID).remove();
    });

  it("that its owner rolls back while the answer is awaited is rolled back, and held, whatever the answer", async () => {
    await using swarm = await formSwarm([h1]);
    const old = await swarm.deploy("web");
    await using stack = await startStack({ engine: h1, env: SWARM });
    const go = await answerLater(stack, "proceed");
    await release("apps/web", "2");
    await stack.check();
    await isAsked(stack);
    const { Version, Spec } = await swarm.serviceOf("web");
    const back = { version: Version.Index, rollback: "previous" };
    await h1.docker.getService("web").update({ _query: back, _body: Spec });
    await writeFile(go, "");
    const { end, because } = await stack.awaitResult("web");
    assert.equal(end, "rolled_back", because);
    assert.equal(await swarm.digestOf("web"), old);
    assert.match((await whyLeft(stack, "web")) ?? "", /^held: /);
  });

  it("of a global service does not wait for a node that is paused", async () => {
    await using swarm = await formSwarm([h1, h3]);
    const old = await swarm.deploy("web", { spec: { Mode: { Global: {} } } });
    await until("it runs on both nodes", async () => (await swarm.running("web")).length === 2);
    await using stack = await startStack({ engine: h1, env: SWARM });
    await setAvailability(h1, h3, "pause");
    const { digest } = await release("apps/web", "2");
    await stack.check();
    const { end, because } = await stack.awaitResult("web");
    assert.equal(end, "updated", because);
    assert.deepEqual((await swarm.running("web")).sort(), [old, digest].sort());
  });

  it("of a global service that no node runs is put off, and nobody is asked", async () => {
    await using swarm = await formSwarm([h1]);
    const old = await swarm.deploy("web", {
      task: { Placement: { Constraints: ["node.labels.none == here"] } },
      spec: { Mode: { Global: {} } },
    });
    await using stack = await startStack({ engine: h1, env: SWARM });
    await release("apps/web", "2");
    await stack.check();
    const { end, because } = await stack.awaitResult("web");
    assert.deepEqual([end, because], ["expired", "a global service that no node runs"]);
    assert.equal(stack.heard().includes("before_service_update web"), false);
    assert.match((await whyLeft(stack, "web")) ?? "", /^held: /);
    assert.equal(await swarm.digestOf("web"), old);
  });
});
