// What a host notes of itself, as `ouroboros status` shows it.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Status } from "../../../services/ouroboros/answers.ts";
import { engine, pushApp } from "../../bed/bed.ts";
import { command } from "../../support/command.ts";
import { eventually, openStage, runApp, startPoller } from "../poller/stage.ts";

describe("ouroboros status", () => {
  it("shows how many more requests a registry allows, where it says so", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    await runApp(h1, "web", (await pushApp("docker.io/library/status", "1")).reference);
    await using _poller = startPoller(h1, stage.server, {});
    const budget = await eventually("a cycle is noted", async () => {
      const { out } = await command({ NATS_URL: stage.server.url }, ["status", "-o", "json"]);
      return Status.parse(JSON.parse(out)).hosts[0]?.budgets["docker.io"];
    });
    const { out } = await command({ NATS_URL: stage.server.url }, ["status"]);
    assert.match(out, /^HOST +REGISTRY +REQUESTS LEFT +PER +SAID$/m);
    assert.ok(out.includes(`docker.io  ${budget.remaining} of ${budget.limit}`), out);
  });
});
