// What an updater that was killed left behind is put right while NATS is away; the hooks are asked when it is back.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { HELPER_ROLE } from "../../shared/containers/self-update-policy.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";
import { testProgram } from "../support/test-programs.ts";

const h1 = engine(1);
const program = testProgram("crashing-updater");
const PORT = "9464";

/** NATS keeps its store when it starts again. */
async function webWithoutUpdater(): Promise<AsyncDisposable & { readonly stack: Stack }> {
  const store = await mkdtemp(join(tmpdir(), "nats-store-"));
  await deploy(h1, "web");
  const stack = await startStack({ engine: h1, services: ["hook-executor", "poller"], nats: { store } });
  return {
    stack,
    [Symbol.asyncDispose]: async () => {
      await stack[Symbol.asyncDispose]();
      await h1.clean();
      await rm(store, { recursive: true, force: true });
    },
  };
}

const startDying = (stack: Stack) =>
  stack.start("updater", { program, env: { DIE_AFTER: "give the name to the successor" } });

/** In the middle of the update of web. */
async function dieWithNats(stack: Stack, dying: ReturnType<typeof startDying>): Promise<void> {
  await stack.check();
  await release("apps/web", "2");
  await stack.check();
  assert.equal(await dying.exited, "SIGKILL");
  await stack.server.kill("SIGKILL");
}

describe("an updater that is killed, and starts while NATS is away", () => {
  it("lets the new container run, and keeps the old one until after_update was asked", async () => {
    await using scene = await webWithoutUpdater();
    const { stack } = scene;
    await dieWithNats(stack, startDying(stack));
    const next = stack.start("updater");
    await until("it is taken up", () =>
      next.log().includes("resumed a replacement whose names were exchanged already"),
    );
    const backup = (one: string) => /^web\.ouroboros-old-[-\w]+ exited 1$/.test(one);
    const [web, kept] = await overview(h1);
    assert.equal(web, "web running 2");
    assert.ok(kept !== undefined && backup(kept), kept);
    await stack.server.restart();
    await stack.expectResult("web", "updated");
    assert.ok(stack.heard().includes("after_update web"), stack.heard().join());
    await until("the old one is gone", async () => (await overview(h1)).join() === "web running 2");
  });
});

describe("a new container of the updater that finds NATS away, while its helper waits for it to get ready", () => {
  it("gets ready when NATS is there, not when the helper is through", async () => {
    await using scene = await webWithoutUpdater();
    const { stack } = scene;
    await runHelperThatWaits();
    await stack.server.kill("SIGKILL");
    const updater = stack.start("updater", { env: { HEALTH_PORT: PORT } });
    const isReady = async () =>
      (await fetch(`http://127.0.0.1:${PORT}/readyz`).catch(() => undefined))?.ok === true;
    await until("it recovers without NATS", () => updater.log().includes("recovering from the Engine alone"));
    assert.equal(await isReady(), false);
    await stack.server.restart();
    await until("it is ready", isReady, { explain: updater.log });
    assert.ok((await overview(h1)).includes("ouroboros-helper running 1"));
  });
});

/** At work for as long as the test lasts. */
async function runHelperThatWaits(): Promise<void> {
  const job = { way: "forward", run: "r", name: "updater", old: "o", image: "i", reference: "updater:1" };
  await deploy(h1, "ouroboros-helper", {
    create: {
      Labels: { "com.ouroboros.role": HELPER_ROLE },
      Entrypoint: ["sh", "-c", "httpd -f -p 8080 -h /www"],
      Cmd: ["helper", JSON.stringify(job)],
    },
  });
}

describe("an updater that did not hear that another one took over", () => {
  it("stands by as soon as it looks", async () => {
    await using scene = await webWithoutUpdater();
    const { stack } = scene;
    const acts = "this updater acts on the host";
    const first = stack.start("updater");
    await until("it acts", () => first.log().includes(acts));
    first.kill("SIGSTOP");
    const second = stack.start("updater", { env: { DATA_DIR: join(stack.folder, "other") } });
    await until("the second takes over", () => second.log().includes(acts), { explain: second.log });
    first.kill("SIGCONT");
    await until("the first stands by", () => first.log().includes("another updater acts on this host"), {
      explain: first.log,
    });
  });
});

describe("an updater that stands by for one that is killed while NATS is away", () => {
  itInFullRun("lets the new container run, and ends its update when NATS is back", async () => {
    await using scene = await webWithoutUpdater();
    const { stack } = scene;
    const other = stack.start("updater", { env: { DATA_DIR: join(stack.folder, "other") } });
    await until("it acts", () => other.log().includes("this updater acts on the host"));
    const dying = startDying(stack);
    await until("it stands by", () => /another updater (?:acts on this host|took over)/.test(other.log()), {
      explain: () => `${other.log()}\n${dying.log()}`,
    });
    await dieWithNats(stack, dying);
    await until("the new one runs", async () => (await overview(h1))[0] === "web running 2", {
      explain: other.log,
    });
    await stack.server.restart();
    await stack.expectResult("web", "updated");
    await until("the old one is gone", async () => (await overview(h1)).join() === "web running 2");
  });
});
