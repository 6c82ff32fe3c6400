// The exporter with SAVE_COUNTERS at a NATS of an earlier version: the observers' bucket is missing.
import assert from "node:assert/strict";
import { after, describe, it } from "mocha";
import { BUCKETS } from "../../../shared/contract/subjects.ts";
import { bucketOf, managerOf } from "../../../shared/nats/jetstream-client.ts";
import { engine } from "../../bed/bed.ts";
import { deploy, release } from "../../support/containers.ts";
import { update } from "../../support/runs.ts";
import { startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { prepareExporter } from "./start-exporter.ts";

const h1 = engine(1);
const UPDATED = `containers_updated_total{socket="unix://${h1.socket.replace(/^\//, "")}",container="web"} 1`;

describe("the exporter at a NATS without the observers' bucket", () => {
  after(() => h1.clean());

  it("makes it, serves metrics and keeps its counters", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const manager = await managerOf(stack.nats);
    await manager.streams.delete(`KV_${BUCKETS.observers}`);
    const { start, serves } = await prepareExporter({ NATS_URL: stack.server.url });
    await using first = start();
    await serves(first, 'ouroboros_containers_monitored{host="h1"} 1');
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { web: "updated" });
    await serves(first, UPDATED);
    const bucket = await bucketOf(stack.nats, BUCKETS.observers);
    await until(
      "what was counted is kept",
      async () => (await bucket.get("exporter.counters.h1"))?.string().includes('"web"'),
      { explain: first.log },
    );
    first.kill("SIGTERM");
    assert.equal(await first.exited, 0);
    await using second = start();
    await serves(second, UPDATED);
  });
});
