import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { afterEach, describe, it } from "mocha";
import { systemClock } from "../../shared/clock.ts";
import { publish } from "../../shared/jetstream.ts";
import { STREAMS } from "../../shared/subjects.ts";
import { type NatsServer, engine, startNats } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { participate } from "../support/participants.ts";
import { endsOf, planned } from "../support/runs.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const PORTS = [4331, 4332, 4333];
const routes = PORTS.map((port) => `nats://127.0.0.1:${port + 1000}`);
const URLS = PORTS.map((port) => `nats://127.0.0.1:${port}`).join(",");

const memberAt = (port: number) => ({
  port,
  config: `server_name: n${port}\ncluster { name: c, listen: "127.0.0.1:${port + 1000}", routes: ${JSON.stringify(routes)} }\n`,
});

for (const version of ["2.10", "2.15"] as const) {
  describe(`a cluster of three nats-servers ${version}, of which one is killed while a gate waits`, function () {
    this.timeout(180_000);
    afterEach(() => h1.clean());

    it("loses nothing and asks nobody twice; the wait goes on when there is a leader again", async () => {
      const [first = 0, ...others] = PORTS;
      await using _second = await startNats({ version, ...memberAt(others[0] ?? 0) });
      await using _third = await startNats({ version, ...memberAt(others[1] ?? 0) });
      const access = { NATS_URL: URLS };
      await deploy(h1, "web");
      await using stack = await startStack({
        engine: h1,
        env: { ...access, NATS_REPLICAS: "3" },
        nats: { version, ...memberAt(first) },
        operator: { access, connection: { servers: URLS.split(",") } },
      });
      const servers: Readonly<Record<string, NatsServer>> = {
        [`n${first}`]: stack.server,
        [`n${others[0] ?? 0}`]: _second,
        [`n${others[1] ?? 0}`]: _third,
      };
      await stack.check();
      let said: string | undefined;
      await using judge = await participate(
        stack,
        "judge",
        { hooks: ["before_update"] },
        (_event, { verdictSubject }) => {
          said = verdictSubject;
        },
      );
      await release("apps/web", "2");
      const run = await planned(stack);
      const subject = await until("the judge is asked", () => said, { within: 60_000 });
      const manager = await jetstreamManager(stack.nats, { checkAPI: false });
      const { cluster, config } = await manager.streams.info(STREAMS.verdicts);
      assert.equal(config.num_replicas, 3);
      const killed = servers[cluster?.leader ?? ""];
      assert.ok(killed, `no leader: ${JSON.stringify(cluster)}`);
      await killed.kill("SIGKILL");
      const began = performance.now();
      const via = { js: jetstream(stack.nats), clock: systemClock, signal: AbortSignal.timeout(90_000) };
      await publish(via, { subject, body: { verdict: "proceed" }, id: crypto.randomUUID() });
      const stored = performance.now() - began;
      assert.deepEqual(await endsOf(stack, run, 90_000), { web: "updated" });
      console.log(
        `      verdict stored ${(stored / 1000).toFixed(1)} s after the kill, updated after ${((performance.now() - began) / 1000).toFixed(1)} s`,
      );
      assert.deepEqual(await overview(h1), ["web running 2"]);
      assert.deepEqual(judge.asked, ["before_update web"]);
      const info = await manager.streams.info(STREAMS.hooks, { subjects_filter: "ouroboros.hook.>" });
      const counts = Object.entries(info.state.subjects ?? {}).filter(([one]) => one.includes(run));
      assert.deepEqual(counts.map(([one, n]) => [one.split(".")[3], n]).sort(), [
        ["after_update", 1],
        ["before_update", 1],
        ["updates_enumerated", 1],
      ]);
    });
  });
}
