import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { assertLeft, isVolume, deploy, idOf, overview, release } from "../support/containers.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);

describe("an image that moved in its registry", () => {
  afterEach(() => h1.clean());

  it("becomes the running container, and every hook on the way is heard in Ouroboros' order", async () => {
    await deploy(h1, "db", { create: {} });
    const before = await deploy(h1, "web", {
      create: { Labels: { "com.ouroboros.depends_on": "db" }, Env: ["KEEP=mine"] },
    });
    await using stack = await startStack({ engine: h1, env: { CLEANUP: "true", MONITOR: "web" } });
    await stack.check();
    assert.deepEqual(await overview(h1), ["db running 1", "web running 1"]);
    await release("apps/web", "2");
    await stack.check();
    const { end, downtime_ms: downtime } = await stack.awaitResult("web");
    assert.equal(end, "updated");
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    assert.deepEqual(await overview(h1), ["db running 1", "web running 2"]);
    assert.notEqual(await idOf(h1, "web"), before);
    assert.ok(downtime !== undefined && downtime > 0);
    assert.deepEqual(stack.heard(), [
      "updates_enumerated",
      "before_stop_depends_container db",
      "before_update web",
      "after_update web",
      "before_image_cleanup web",
      "before_start_depends_container db",
    ]);
    await assertLeft(h1, [], isVolume);
  });
});
