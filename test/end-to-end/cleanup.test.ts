// LATEST_ONLY, CLEANUP and CLEANUP_UNUSED_VOLUMES, without what went wrong with them in Ouroboros 1.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Engine, engine, pushApp } from "../bed/bed.ts";
import { ifExists } from "../../shared/docker/engine.ts";
import { deploy, overview, pull, release } from "../support/containers.ts";
import { update } from "../support/runs.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull } from "../support/full-run.ts";

describe("LATEST_ONLY", () => {
  it("moves containers to latest once, where there is such a tag", async () => {
    await using h1 = engine(1);
    await runTag(h1, "moves", "1.0", "1");
    await runTag(h1, "stays", "1.0", "1");
    await release("apps/moves", "2");
    await using stack = await startStack({ engine: h1, env: { LATEST_ONLY: "true" } });
    await stack.check();
    await stack.expectResult("moves", "updated");
    const { Config } = await h1.docker.getContainer("moves").inspect();
    assert.equal(Config.Image, "registry.lab:5000/apps/moves:latest");
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    const again = (await stack.check()) as {
      outcome: object;
      left: { container: string; because: string }[];
    };
    assert.deepEqual(again.outcome, { kind: "nothing due" });
    assert.deepEqual(again.left.map(({ container, because }) => `${container}: ${because}`).sort(), [
      "moves: current",
      "stays: current",
    ]);
    await pushTag("stays", "1.0", "3");
    await release("apps/moves", "3");
    await stack.check();
    await stack.expectResult("stays", "updated");
    await until(
      "both are updated",
      async () => (await overview(h1)).join() === "moves running 3,stays running 3",
    );
    assert.equal(
      (await h1.docker.getContainer("stays").inspect()).Config.Image,
      "registry.lab:5000/apps/stays:1.0",
    );
  });
});

const pushTag = (name: string, tag: string, version: string) =>
  pushApp(`apps/${name}`, tag, { body: `${name} ${version}`, env: [`VERSION=${version}`] });

async function runTag(on: Engine, name: string, tag: string, version: string): Promise<void> {
  const { reference } = await pushTag(name, tag, version);
  await pull(on, reference);
  await (await on.docker.createContainer({ name, Image: reference })).start();
}

describe("CLEANUP", () => {
  it("removes the old image once nothing uses it any more, and none that bears another name", async () => {
    await using h1 = engine(1);
    const isThere = async (id: string) => (await ifExists(h1.docker.getImage(id).inspect())) !== undefined;
    const imageOfOne = async () => (await h1.docker.getContainer("one").inspect()).Image;
    await deploy(h1, "one", { image: "apps/shared" });
    const first = await imageOfOne();
    const body = { Image: "registry.lab:5000/apps/shared:latest" };
    await (await h1.docker.createContainer({ ...body, name: "two" })).start();
    const asleep = await h1.docker.createContainer({ ...body, name: "asleep" });
    await using stack = await startStack({ engine: h1, env: { CLEANUP: "true" } });
    await stack.check();
    const bothMoveTo = async (version: string): Promise<void> => {
      await release("apps/shared", version);
      assert.deepEqual(await update(stack), { one: "updated", two: "updated" });
    };
    await bothMoveTo("2");
    assert.ok(await isThere(first), "a container that does not run is made from it");
    await asleep.remove();
    const second = await imageOfOne();
    await bothMoveTo("3");
    assert.ok(!(await isThere(second)));
    const third = await imageOfOne();
    await h1.docker.getImage(third).tag({ repo: "mine", tag: "kept" });
    await bothMoveTo("4");
    assert.ok(await isThere(third));
    assert.match(stack.services.updater?.log() ?? "", /"run":"[^"]+"[^\n]*"msg":"outdated image kept"/);
  });
});

describe("CLEANUP_UNUSED_VOLUMES", () => {
  for (const [n, api] of firstUnlessFull([
    [2, "Engine 20.10, whose own prune takes named ones too"],
    [1, "a new Engine"],
  ] as const))
    it(`removes what has no name and no container, on ${api}`, async () => {
      await using host = engine(n);
      const volumes = async (): Promise<string[]> =>
        (await host.docker.listVolumes()).Volumes.map(({ Name }) => Name).sort();
      await deploy(host, "web", { imageOptions: { volumes: ["/data"] } });
      const kept = [...(await volumes()), "named"];
      await host.docker.createVolume({ Name: "named" });
      await host.docker.createVolume({ Name: "f".repeat(64), Labels: { mine: "yes" } });
      await deploy(host, "stopped", { imageOptions: { volumes: ["/data"] } });
      await host.docker.getContainer("stopped").stop({ t: 0 });
      kept.push(...(await volumes()).filter((name) => !kept.includes(name)));
      await deploy(host, "gone", { imageOptions: { volumes: ["/data"] } });
      await host.docker.getContainer("gone").remove({ force: true });
      const [lost] = (await volumes()).filter((name) => !kept.includes(name));
      assert.ok(lost !== undefined);
      await release("apps/web", "2", { volumes: ["/data"] });
      await using stack = await startStack({ engine: host, env: { CLEANUP_UNUSED_VOLUMES: "true" } });
      await stack.check();
      await stack.expectResult("web", "updated");
      await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
      assert.deepEqual(await volumes(), kept.sort());
    });
});
