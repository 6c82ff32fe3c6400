// Whatever goes wrong with one container ends that one, and the others go on.
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { swapSteps } from "../../services/updater/swap/swap-steps.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { startEngineProxy } from "../support/engine-proxy.ts";
import { awaitResults, readHold, requestPlan } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull, itInFullRun } from "../support/full-run.ts";
import { testProgram } from "../support/test-programs.ts";

const h1 = engine(1);
const patient = { STOP_AFTER_FAILURES: "0", SWAPS: "8" };

/** One container for each call, and one that nothing happens to; all on one image. */
async function deployAll(names: readonly string[]): Promise<void> {
  await deploy(h1, "well", { image: "apps/many" });
  const { Config } = await h1.docker.getContainer("well").inspect();
  for (const name of names)
    await (await h1.docker.createContainer({ name, Image: Config.Image, Env: Config.Env })).start();
}

/**
 * One container for each name, with an image of its own; and one that nothing happens to.
 * Resolves with whose each name and id is.
 */
async function deployEach(names: readonly string[]): Promise<Map<string, string>> {
  await deploy(h1, "well");
  const owners = new Map<string, string>();
  for (const name of names) {
    const id = await deploy(h1, name);
    const { Image } = await h1.docker.getContainer(id).inspect();
    for (const word of [name, id, Image.replace("sha256:", "")]) owners.set(word, name);
  }
  return owners;
}

/** Once the updater is there. */
async function plannedFor(stack: Stack, image: string): Promise<string> {
  await stack.check();
  await release(image, "2");
  return requestPlan(stack);
}

/** Each runs once, on the image that its end tells of; nothing of ours is left. */
async function expectAllRun(stack: Stack, run: string): Promise<Record<string, string>> {
  const ends = await awaitResults(stack, run, 120_000);
  const expected = Object.entries(ends).map(([name, end]) => `${name} running ${end === "updated" ? 2 : 1}`);
  assert.deepEqual(await overview(h1), expected.sort());
  assert.equal(ends["well"], "updated");
  return ends;
}

describe("an unexpected failure of one container", function () {
  this.timeout(240_000);
  afterEach(() => h1.clean());

  const answers = [
    ["answers 500", [500, "the Engine's fault"]],
    ["answers with no JSON", [200, undefined]],
    ["says nothing", "cut"],
  ] as const;
  for (const [sentence, answer] of firstUnlessFull(answers))
    itInFullRun(`ends it where any one call of the Engine about it ${sentence}`, async () => {
      const calls = 38; // of an update about its container or image; what is more, a later one has no fault
      const names = Array.from({ length: calls }, (_, n) => `web${n}`);
      const owners = await deployEach(names);
      const counted = new Map<string, number>();
      let armed = false;
      const nameOf = ({ url = "" }: IncomingMessage): string | undefined =>
        decodeURIComponent(url)
          .split(/[/?&=:]/)
          .map((word) => owners.get(word.replace(/\.ouroboros-.*$/, "")))
          .find((name) => name !== undefined);
      await using proxy = await startEngineProxy(h1.socket, (asked) => {
        const name = armed ? nameOf(asked) : undefined;
        if (name === undefined) return undefined;
        const nth = counted.get(name) ?? 0;
        counted.set(name, nth + 1);
        if (`web${nth}` !== name) return undefined;
        return asked.method === "GET" || answer === "cut" ? answer : [500, "the Engine's fault"];
      });
      await using stack = await startStack({
        engine: h1,
        env: patient,
        services: ["hook-executor", "poller"],
      });
      stack.start("updater", { env: { DOCKER_SOCKETS: proxy.url } });
      await stack.check();
      for (const name of ["well", ...names]) {
        const { configDigest } = await release(`apps/${name}`, "2");
        owners.set(configDigest.replace("sha256:", ""), name);
      }
      armed = true;
      const ends = await expectAllRun(stack, await requestPlan(stack));
      const failed = Object.values(ends).filter((end) => end !== "updated");
      assert.ok(failed.length >= 3, JSON.stringify(ends));
      assert.ok([...counted.values()].some((count) => count > 10));
    });

  it("ends it where any one step throws, and every other container is updated", async () => {
    const names = swapSteps.map((_, n) => `web${n}`);
    await deployAll(names);
    await using stack = await startStack({ engine: h1, env: patient, services: ["hook-executor", "poller"] });
    const program = testProgram("throwing-updater");
    const faults = swapSteps.map(({ name }, n) => [`web${n}`, name]);
    stack.start("updater", { program, env: { THROW_AT: JSON.stringify(faults) } });
    const ends = await expectAllRun(stack, await plannedFor(stack, "apps/many"));
    for (const name of names)
      assert.ok(["failed", "rolled_back"].includes(ends[name] ?? ""), JSON.stringify(ends));
  });

  itInFullRun("updates one with a name of 225 characters, and one whose name is full of dots", async () => {
    const names = [`w${"x".repeat(224)}`, `w${".y".repeat(70)}`];
    await deployAll(names);
    await using stack = await startStack({ engine: h1 });
    const ends = await expectAllRun(stack, await plannedFor(stack, "apps/many"));
    assert.deepEqual([...new Set(Object.values(ends))], ["updated"]);
  });

  it("updates one whose image has more labels than an event can tell", async () => {
    const labels = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`much.${n}`, "x".repeat(1024)]));
    await deploy(h1, "well", { image: "apps/many", imageOptions: { labels } });
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await release("apps/many", "2", { labels });
    await expectAllRun(stack, await requestPlan(stack));
  });

  it("goes on where a dependency is removed during its hook", async () => {
    await deploy(h1, "db");
    await deploy(h1, "web", { create: { Labels: { "com.ouroboros.depends_on": "db" } } });
    await using stack = await startStack({ engine: h1 });
    const remove = `#!/bin/sh\ncurl -s -X DELETE --unix-socket ${h1.socket} "http://e/containers/db?force=1"\n`;
    await stack.script("before_stop_depends_container/remove", remove);
    assert.deepEqual(await awaitResults(stack, await plannedFor(stack, "apps/web")), { web: "updated" });
    assert.deepEqual(await overview(h1), ["web running 2"]);
  });

  itInFullRun("gives a plan up that fails as a whole, tells it and holds it", async () => {
    await deploy(h1, "web");
    let armed = false;
    let asked = 0;
    await using proxy = await startEngineProxy(h1.socket, ({ method, url = "" }) => {
      if (!armed || method !== "GET" || !/\/volumes\?.*dangling/.test(url)) return undefined;
      asked += 1;
      return [500, "no volumes today"];
    });
    const env = { CLEANUP_UNUSED_VOLUMES: "true" };
    await using stack = await startStack({ engine: h1, env, services: ["hook-executor", "poller"] });
    stack.start("updater", { env: { DOCKER_SOCKETS: proxy.url } });
    await stack.check();
    armed = true;
    const run = await plannedFor(stack, "apps/web");
    await until("it was tried three times", () => asked >= 3);
    armed = false;
    assert.deepEqual(await awaitResults(stack, run, 60_000), { web: "failed" });
    assert.match(
      (await readHold(stack, "web"))?.because ?? "",
      /failed as a whole 3 times: .*no volumes today/,
    );
    assert.deepEqual(await overview(h1), ["web running 1"]);
  });
});
