/** Several Engines in one process, one of which dies, or hangs, while it is at work. */
import assert from "node:assert/strict";
import { makeCommandBody } from "../../shared/contract/messages.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { bedCommand, engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { type EngineProxy, startEngineProxy } from "../support/engine-proxy.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun, firstUnlessFull } from "../support/full-run.ts";

const good = engine(1);
const bad = engine(2);

describe("an Engine among others", function () {
  this.timeout(300_000);
  afterEach(async () => {
    await good.clean();
    await bad.clean();
  });

  const faults = [
    ["is killed", ["kill", "2"], ["start", "2"]],
    ["hangs", inHost("kill -STOP $(cat /run/engine.pid)"), inHost("kill -CONT $(cat /run/engine.pid)")],
  ] as const;
  for (const [sentence, strike, heal] of firstUnlessFull(faults))
    it(`that ${sentence} in the middle of a run holds up no other, and is worked on when it is back`, async () => {
      await deploy(good, "web");
      await deploy(bad, "far", { create: { HostConfig: { RestartPolicy: { Name: "always" } } } });
      await using stack = await startStack({
        engine: good,
        env: {
          DOCKER_SOCKETS: `unix://${good.socket} unix://${bad.socket}`,
          OUROBOROS_HOST: `${good.name} ${bad.name}`,
          DOCKER_TIMEOUT: "10",
        },
      });
      await stack.script("before_update/slow", '#!/bin/sh\n[ "$OUROBOROS_HOST" = h1 ] || sleep 3\n');
      await check(stack, bad.name);
      await check(stack, good.name);
      await release("apps/far", "2");
      await check(stack, bad.name);
      await until("it is in the middle of it", () => stack.heard().includes("before_update far"));
      await bedCommand(...strike);
      try {
        await release("apps/web", "2");
        await check(stack, good.name);
        await stack.expectResult("web", "updated");
        assert.deepEqual(await overview(good), ["web running 2"]);
        for (const [name, service] of Object.entries(stack.services))
          assert.equal(service.stderrText(), "", `the ${name} wrote to stderr`);
      } finally {
        await bedCommand(...heal);
      }
      await until(
        "the other is updated as well",
        async () => {
          await check(stack, bad.name);
          return (await overview(bad).catch(() => [])).join() === "far running 2";
        },
        { within: 90_000, explain: () => stack.services.updater?.log() ?? "" },
      );
      await release("apps/web", "3");
      await check(stack, good.name);
      assert.equal((await stack.awaitResult("web", { nth: 2 })).end, "updated");
    });
});

describe("an updater of several Engines, one of which is away", () => {
  afterEach(async () => {
    await good.clean();
    await bad.clean();
  });

  itInFullRun(
    "or answers nothing but errors, works on the others, and on that one when it is well again",
    async () => {
      await deploy(good, "web");
      await deploy(bad, "far");
      await using ill = await illEngine(bad.socket);
      await using stack = await startStack({
        engine: good,
        env: {
          DOCKER_SOCKETS: `unix://${good.socket} ${ill.url}`,
          OUROBOROS_HOST: `${good.name} ${bad.name}`,
        },
      });
      const log = (): string => stack.services.updater?.log() ?? "";
      await until("it is tried again", () => log().includes("recovery is tried again"), { explain: log });
      await release("apps/web", "2");
      await check(stack, good.name);
      await stack.expectResult("web", "updated");
      ill.heal();
      await release("apps/far", "2");
      await until(
        "the other is updated as well",
        async () => {
          await check(stack, bad.name);
          return (await overview(bad)).join() === "far running 2";
        },
        { explain: log },
      );
    },
  );

  it("that starts before NATS does works on the others when NATS is there", async () => {
    await deploy(good, "web");
    await using stack = await startStack({ engine: good, services: ["hook-executor", "poller"] });
    await stack.server.kill("SIGKILL");
    const sockets = `unix://${good.socket} unix://${stack.folder}/away.sock`;
    const updater = stack.start("updater", {
      env: { DOCKER_SOCKETS: sockets, OUROBOROS_HOST: `${good.name} away` },
    });
    await until("it goes by the Engine", () => updater.log().includes("recovering from the Engine alone"));
    await stack.server.restart();
    await until("NATS is back", () =>
      stack.nats.flush().then(
        () => true,
        () => false,
      ),
    );
    await release("apps/web", "2");
    await check(stack, good.name);
    await stack.expectResult("web", "updated");
  });
});

interface IllEngine extends EngineProxy {
  readonly heal: () => void;
}

/** Says who it is; asked for its containers it answers 500 until it is healed. */
async function illEngine(socketPath: string): Promise<IllEngine> {
  let isIll = true;
  const proxy = await startEngineProxy(socketPath, ({ url = "" }) =>
    isIll && url.includes("/containers/") ? [500, "ill"] : undefined,
  );
  return { ...proxy, heal: () => (isIll = false) };
}

function inHost(command: string): readonly string[] {
  return ["on", "2", "sh", "-c", command];
}

/** A cycle on that host; resolves when it ended. */
const check = (stack: Stack, host: string): Promise<unknown> =>
  until(`the poller of ${host} answers`, () =>
    stack.nats
      .request(subjects.command(host, "poller", "check"), makeCommandBody("check"), { timeout: 30_000 })
      .then(
        (answer) => answer.json<object>(),
        () => undefined,
      ),
  );
