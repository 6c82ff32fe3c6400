import assert from "node:assert/strict";
import { type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { after, afterEach, describe, it } from "mocha";
import { systemClock } from "../../shared/clock.ts";
import { isHookName } from "../../shared/contract/hooks.ts";
import { publish } from "../../shared/nats/jetstream.ts";
import { makeCommandBody } from "../../shared/contract/messages.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { type NatsServer, engine, startNats } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { gateTable, seconds } from "../support/gate-table.ts";
import { type RegisteredParticipant, runOuroboros, addParticipant } from "../support/participants.ts";
import { awaitResults, requestPlan } from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const PORTS = [4331, 4332, 4333];
const routes = PORTS.map((port) => `nats://127.0.0.1:${port + 1000}`);
const URLS = PORTS.map((port) => `nats://127.0.0.1:${port}`).join(",");

const memberAt = (port: number) => ({
  port,
  config: `server_name: n${port}\ncluster { name: c, listen: "127.0.0.1:${port + 1000}", routes: ${JSON.stringify(routes)} }\n`,
});

const { addRow, write } = gateTable("cluster");
after(write);

for (const version of ["2.10", "2.15"] as const) {
  describe(`a cluster of three nats-servers ${version}, of which one is killed while a gate waits`, function () {
    this.timeout(180_000);
    afterEach(() => h1.clean());

    it("loses nothing and asks nobody twice; the wait goes on when there is a leader again", async () => {
      await using scene = await clusterScene(version);
      const { stack, judge, run, manager, servers } = scene;
      const { cluster, config } = await manager.streams.info(STREAMS.verdicts);
      assert.equal(config.num_replicas, 3);
      const killed = servers[cluster?.leader ?? ""];
      assert.ok(killed, `no leader: ${JSON.stringify(cluster)}`);
      await killed.kill("SIGKILL");
      const began = performance.now();
      await scene.answer();
      const stored = performance.now() - began;
      assert.deepEqual(await awaitResults(stack, run, 90_000), { web: "updated" });
      addRow(
        `leader of a cluster of three killed, nats-server ${version}`,
        "nothing is lost, nobody is asked twice",
        `verdict stored after ${seconds(stored)}, updated after ${seconds(performance.now() - began)}`,
      );
      await scene.isWell();
      assert.deepEqual(judge.asked, ["before_update web"]);
    });

    it("says once that it stands still where two of three are away, and goes on when they are back", async () => {
      await using scene = await clusterScene(version);
      const { stack, run, servers } = scene;
      const away = Object.values(servers).filter(({ port }) => port !== stack.server.port);
      for (const server of away) await server.kill("SIGKILL");
      const log = () => stack.services.updater?.log() ?? "";
      await until("it is told", () => log().includes("JetStream does not answer"), { within: 60_000 });
      const status = await runOuroboros(stack, "status");
      assert.equal(status.code, 3);
      assert.match(status.err, /its JetStream does not answer .* too few servers of its cluster are up/);
      const asked = await stack.nats.request(
        subjects.command(stack.host, "updater", "status"),
        makeCommandBody("status"),
      );
      assert.match(JSON.stringify(asked.json()), /JetStream has not answered since/);
      const began = performance.now();
      for (const server of away) await server.restart();
      await scene.answer();
      assert.deepEqual(await awaitResults(stack, run, 90_000), { web: "updated" });
      addRow(
        `two of a cluster of three away, nats-server ${version}`,
        "reported once in the log and by `ouroboros status`; the wait goes on when they are back",
        `updated ${seconds(performance.now() - began)} after`,
      );
      assert.equal(log().split("JetStream does not answer").length - 1, 1);
      assert.equal(log().split("JetStream answers again").length - 1, 1);
      await scene.isWell();
    });
  });
}

interface Scene extends AsyncDisposable {
  readonly stack: Stack;
  readonly judge: RegisteredParticipant;
  /** It has been waited for the judge since then. */
  readonly run: string;
  readonly manager: JetStreamManager;
  readonly servers: Readonly<Record<string, NatsServer>>;
  /** The judge says proceed. */
  readonly answer: () => Promise<unknown>;
  /** The new image runs, and each event was stored once. */
  readonly isWell: () => Promise<void>;
}

async function clusterScene(version: "2.10" | "2.15"): Promise<Scene> {
  const opened: AsyncDisposable[] = [];
  try {
    return await openScene(version, opened);
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

async function closeAll(opened: readonly AsyncDisposable[]): Promise<void> {
  for (const one of opened) await one[Symbol.asyncDispose]();
}

async function openScene(version: "2.10" | "2.15", opened: AsyncDisposable[]): Promise<Scene> {
  const opens = <T extends AsyncDisposable>(one: T): T => {
    opened.unshift(one);
    return one;
  };
  const [first = 0, second = 0, third = 0] = PORTS;
  const others = [
    opens(await startNats({ version, ...memberAt(second) })),
    opens(await startNats({ version, ...memberAt(third) })),
  ];
  const access = { NATS_URL: URLS };
  await deploy(h1, "web");
  const stack = opens(
    await startStack({
      engine: h1,
      services: SEPARATE_PROCESSES,
      env: { ...access, NATS_REPLICAS: "3" },
      nats: { version, ...memberAt(first) },
      operator: { access, connection: { servers: URLS.split(",") } },
    }),
  );
  await stack.check();
  let said: string | undefined;
  const judge = opens(
    await addParticipant(stack, "judge", { hooks: ["before_update"] }, (_event, tools) => {
      said = tools.verdictSubject;
    }),
  );
  await release("apps/web", "2");
  const run = await requestPlan(stack);
  const subject = await until("the judge is asked", () => said, { within: 60_000 });
  const manager = await jetstreamManager(stack.nats, { checkAPI: false });
  return {
    stack,
    judge,
    run,
    manager,
    servers: Object.fromEntries([stack.server, ...others].map((one) => [`n${one.port}`, one])),
    answer: () => {
      const via = { js: jetstream(stack.nats), clock: systemClock, signal: AbortSignal.timeout(90_000) };
      return publish(via, { subject, body: { verdict: "proceed" } });
    },
    isWell: async () => {
      assert.deepEqual(await overview(h1), ["web running 2"]);
      const info = await manager.streams.info(STREAMS.hooks, { subjects_filter: "ouroboros.hook.>" });
      const counts = Object.entries(info.state.subjects ?? {}).filter(([one]) => one.includes(run));
      assert.deepEqual(
        counts
          .map(([one, n]) => [one.split(".")[3], n])
          .filter(([hook]) => isHookName(String(hook)))
          .sort(),
        [
          ["after_update", 1],
          ["before_update", 1],
          ["updates_enumerated", 1],
        ],
      );
    },
    [Symbol.asyncDispose]: () => closeAll(opened),
  };
}
