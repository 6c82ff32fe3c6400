import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { assertLeft, deploy, overview, release } from "../support/containers.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull } from "../support/full-run.ts";

const worlds = [
  { name: "Engine 20.10 and NATS 2.15", host: 2, nats: "2.15" },
  { name: "Engine 26.1 and NATS 2.15", host: 3, nats: "2.15" },
] as const;

describe("the whole story", () => {
  for (const { name, host, nats } of firstUnlessFull(worlds)) {
    it(`also runs with ${name}`, async () => {
      await using old = engine(host);
      const vpn = await deploy(old, "vpn", {
        create: { Labels: { "com.ouroboros.depends_on": "db", "com.ouroboros.stop_signal": "SIGINT" } },
      });
      await deploy(old, "db");
      const Cmd = ["sh", "-c", "trap 'exit 0' TERM; sleep 10000 & wait"];
      await deploy(old, "child", { create: { Cmd, HostConfig: { NetworkMode: `container:${vpn}` } } });
      await using stack = await startStack({
        engine: old,
        env: { MONITOR: "vpn", CLEANUP: "true" },
        nats: { version: nats },
      });
      await stack.check();
      await release("apps/vpn", "2");
      await stack.check();
      await stack.expectResult("vpn", "updated");
      await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
      assert.deepEqual(await overview(old), ["child running 1", "db running 1", "vpn running 2"]);
      await assertLeft(old, [], (thing) => thing.includes("ouroboros"));
    });
  }
});
