// What an updater that was killed left behind is put right while NATS is away; the hooks are asked when it is back.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const program = join(import.meta.dirname, "../support/dying-updater.js");

describe("an updater that is killed, and starts while NATS is away", () => {
  it("lets the new container run, and keeps the old one until after_update was asked", async () => {
    await using h1 = engine(1);
    const store = await mkdtemp(join(tmpdir(), "nats-store-"));
    await deploy(h1, "web");
    await using stack = await startStack({
      engine: h1,
      services: ["hook-executor", "poller"],
      nats: { store },
    });
    const dying = stack.start("updater", { program, env: { DIE_AFTER: "give the name to the successor" } });
    await stack.check();
    await release("apps/web", "2");
    await stack.check();
    assert.equal(await dying.exited, "SIGKILL");
    await stack.server.kill("SIGKILL");
    const next = stack.start("updater");
    await until("it is taken up", () =>
      next.log().includes("a swap whose names were exchanged was taken up"),
    );
    const backup = (one: string) => /^web\.ouroboros-old-\w+ exited 1$/.test(one);
    const [web, kept] = await overview(h1);
    assert.equal(web, "web running 2");
    assert.ok(kept !== undefined && backup(kept), kept);
    await stack.server.restart();
    await stack.endsAs("web", "updated");
    assert.ok(stack.heard().includes("after_update web"), stack.heard().join());
    await until("the old one is gone", async () => (await overview(h1)).join() === "web running 2");
    await rm(store, { recursive: true, force: true });
  });
});
