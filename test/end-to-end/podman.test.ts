// podman behind its Docker API: it answers some calls in plain words, and what it removes by force takes others with it.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "mocha";
import { bedCommand, engine } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { awaitResults, requestPlan } from "../support/runs.ts";
import { startStack } from "../support/stack.ts";
import { itInFullRun } from "../support/full-run.ts";

const NUMBER = 25;
const WAITS = { cmd: `trap "exit 0" TERM; sleep 100000 & wait` };
const ENDS = { cmd: "exit 3" };

describe("on podman", () => {
  const host = () => engine(NUMBER);
  before(() => bedCommand("boot", String(NUMBER), "podman"));
  afterEach(() => host().clean());
  after(() => bedCommand("cut", String(NUMBER)));

  it("what its update puts back is the same container, on its image; others of that image run on", async () => {
    const id = await deploy(host(), "web", { imageOptions: WAITS });
    const Image = "registry.lab:5000/apps/web:latest";
    const other = await host().docker.createContainer({ name: "other", Image });
    await other.start();
    await using stack = await startStack({ engine: host(), env: { MONITOR: "web" } });
    await stack.check();
    await release("apps/web", "2", ENDS);
    assert.deepEqual(await awaitResults(stack, await requestPlan(stack)), { web: "rolled_back" });
    assert.deepEqual(await overview(host()), ["other running 1", "web running 1"]);
    assert.equal(await idOf(host(), "web"), id);
    assert.equal(await idOf(host(), "other"), other.id);
  });

  itInFullRun("an update keeps a container in all of its networks", async () => {
    for (const Name of ["front", "back"]) await host().docker.createNetwork({ Name });
    const HostConfig = { NetworkMode: "front" };
    await deploy(host(), "web", { imageOptions: WAITS, create: { HostConfig } });
    await host().docker.getNetwork("back").connect({ Container: "web" });
    await using stack = await startStack({ engine: host(), env: { MONITOR: "web" } });
    await stack.check();
    await release("apps/web", "2", WAITS);
    assert.deepEqual(await awaitResults(stack, await requestPlan(stack)), { web: "updated" });
    assert.deepEqual(await overview(host()), ["web running 2"]);
    const { NetworkSettings } = await host().docker.getContainer("web").inspect();
    assert.deepEqual(Object.keys(NetworkSettings.Networks).toSorted(), ["back", "front"]);
  });
});
