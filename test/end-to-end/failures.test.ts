import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import type { UpdateResult } from "../../shared/contract/run-records.ts";
import { type ImageOptions, engine, hubControl, leftovers } from "../bed/bed.ts";
import {
  assertLeft,
  isVolume,
  LONG_SETTLE_TIME,
  deploy,
  idOf,
  overview,
  pull,
  release,
} from "../support/containers.ts";
import { readHold, skippedContainers, update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const ALWAYS = { HostConfig: { RestartPolicy: { Name: "always" } } };
/** It is looked at until it is known to be unhealthy, not for the 3 s of the others. */
const PATIENT = { Labels: { "com.ouroboros.health_timeout": "20s" } };
const ILL = { Test: ["CMD-SHELL", "echo it hurts; false"], Interval: 2e8, Retries: 1 };
const NEVER_HEALTHY = { Test: ["CMD-SHELL", "false"], Interval: 1e9, Timeout: 1e9, StartPeriod: 300e9 };

describe("an image that does not work", () => {
  /** [sentence, name, the new image, why it is rolled back, how the container was created] */
  const broken: readonly [string, string, ImageOptions, RegExp, object?][] = [
    [
      "cannot start",
      "unstartable",
      { entrypoint: ["/no/such/program"] },
      /"start the successor" failed.*no such/,
    ],
    ["exits at once", "short", { cmd: "exit 7" }, /"prove the successor" failed.*exited with code 7/],
    [
      "ends well, but is restarted",
      "done",
      { cmd: "sleep 0.5; exit 0" },
      /exited (with code 0|and was restarted)/,
      ALWAYS,
    ],
    [
      "exits and is restarted",
      "looping",
      { cmd: "sleep 0.5; exit 3" },
      /exited (with code 3|and was restarted)/,
      ALWAYS,
    ],
    ["is unhealthy", "ill", { healthcheck: ILL }, /is unhealthy: it hurts/, PATIENT],
    ["never gets healthy", "slow", { healthcheck: NEVER_HEALTHY }, /did not become healthy within 3 s/],
  ];
  const ids: Record<string, string> = {};
  const VOLUMES = ["/data"];
  let stack: Stack;
  let ends: Record<string, UpdateResult>;
  let volumes: string[];

  before(async () => {
    for (const [, name, , , create] of broken)
      ids[name] = await deploy(h1, name, { imageOptions: { volumes: VOLUMES }, ...(create && { create }) });
    volumes = (await leftovers(h1)).filter(isVolume).sort();
    const env = { HEALTH_TIMEOUT: "3s", SETTLE_TIME: "5s", SWAPS: "6", STOP_AFTER_FAILURES: "0" };
    stack = await startStack({ engine: h1, env });
    await stack.check();
    for (const [, name, options] of broken)
      await release(`apps/${name}`, "2", { volumes: [...VOLUMES, "/new"], ...options });
    ends = await update(stack);
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  for (const [sentence, name, , because] of broken) {
    it(`that ${sentence} leaves the same old container running`, async () => {
      assert.equal(ends[name], "rolled_back");
      assert.match((await stack.awaitResult(name)).because, because);
      const { Id, Name, State, Config } = await h1.docker.getContainer(ids[name] ?? "").inspect();
      assert.deepEqual([Id, Name, State.Running], [ids[name], `/${name}`, true]);
      assert.ok(Config.Env.includes("VERSION=1"));
    });
  }

  it("leaves nothing else", async () => {
    assert.deepEqual(await overview(h1), broken.map(([, name]) => `${name} running 1`).sort());
    await assertLeft(h1, volumes, isVolume);
    const kept = await readdir(join(stack.folder, "data/replaced"), { recursive: true });
    assert.deepEqual(kept, [stack.host]);
  });

  it("leaves the restart policy as it was", async () => {
    for (const [, name, , , create] of broken) {
      const { HostConfig } = await h1.docker.getContainer(name).inspect();
      assert.equal(HostConfig.RestartPolicy?.Name, create === ALWAYS ? "always" : "no");
    }
  });

  it("is held until the tag changes, and then tried again", async () => {
    const left = await skippedContainers(stack);
    for (const [, name] of broken) {
      assert.match(left[name] ?? "", /^held: .*, until the tag changes$/s);
      assert.deepEqual((await readHold(stack, name))?.until, null);
    }
    await release("apps/short", "3", { volumes: VOLUMES });
    assert.deepEqual(await update(stack), { short: "updated" });
    assert.equal(await readHold(stack, "short"), undefined);
  });
});

describe("a job", () => {
  after(() => h1.clean());

  it("whose successor ends with 0 is updated, and the old one does not run again", async () => {
    await deploy(h1, "job");
    await using stack = await startStack({ engine: h1, env: { SETTLE_TIME: "5s" } });
    await stack.check();
    await release("apps/job", "2", { cmd: "exit 0" });
    assert.deepEqual(await update(stack), { job: "updated" });
    assert.deepEqual(await overview(h1), ["job exited 2"]);
    assert.deepEqual(await skippedContainers(stack), { job: "not running" });
  });
});

describe("a container in a crash loop", () => {
  after(() => h1.clean());
  const stateOf = async (name: string): Promise<string> =>
    (await h1.docker.getContainer(name).inspect()).State.Status;

  it("is put back to it by an image that is no better, and updated by one that is", async () => {
    const create = { ...ALWAYS, Labels: { "com.ouroboros.stop_signal": "SIGINT" } };
    const loop = { cmd: "exit 1" };
    const id = await deploy(h1, "web", { imageOptions: loop, create });
    await using stack = await startStack({ engine: h1, env: { SETTLE_TIME: "1s" } });
    await stack.check();
    await release("apps/web", "2", { cmd: "exit 2" });
    await until("it waits to be restarted", async () => (await stateOf("web")) === "restarting");
    assert.deepEqual(await update(stack), { web: "rolled_back" });
    assert.equal(await idOf(h1, "web"), id);
    await until("it loops as before", async () => (await stateOf("web")) === "restarting");
    await release("apps/web", "3");
    assert.deepEqual(await update(stack), { web: "updated" });
    assert.deepEqual(await overview(h1), ["web running 3"]);
    const { HostConfig } = await h1.docker.getContainer("web").inspect();
    assert.equal(HostConfig.RestartPolicy?.Name, "always");
  });
});

describe("a run in which one update after the other goes wrong", () => {
  it("finishes what it began and leaves the rest for later, untouched", async () => {
    const names = ["one", "two", "three", "four", "five"].sort();
    for (const name of names) await deploy(h1, name, { create: { Labels: LONG_SETTLE_TIME } });
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const began = new Map<string, string>();
    for (const name of names) began.set(name, await startedAt(name));
    for (const name of names) await release(`apps/${name}`, "2", { cmd: "exit 3" });
    const ends = await update(stack);
    const left = names.filter((name) => ends[name] === "deferred");
    assert.equal(names.filter((name) => ends[name] === "rolled_back").length, 3);
    assert.equal(left.length, 2);
    for (const name of left) {
      assert.match((await stack.awaitResult(name)).because, /^3 updates of this run went wrong in a row/);
      assert.equal(await startedAt(name), began.get(name));
      assert.ok(((await readHold(stack, name))?.until ?? 0) > Date.now());
    }
    assert.deepEqual(
      await overview(h1),
      names.map((name) => `${name} running 1`),
    );
  });
  after(() => h1.clean());
});

describe("a registry that fails", () => {
  const ids: Record<string, string> = {};
  let stack: Stack;
  let ends: Record<string, UpdateResult>;
  let began: string;
  let faults: AsyncDisposable;

  before(async () => {
    ids["db"] = await deploy(h1, "db");
    ids["broken"] = await deploy(h1, "broken", { image: "docker.io/library/broken", ...needs("db") });
    ids["well"] = await deploy(h1, "well");
    ids["cut"] = await deploy(h1, "cut", { image: "ghcr.io/acme/cut" });
    ids["nowhere"] = await deployFromNowhere();
    ids["same"] = await deploy(h1, "same", { imageOptions: SAME });
    stack = await startStack({ engine: h1 });
    await stack.check();
    began = await startedAt("db");
    for (const image of ["docker.io/library/broken", "apps/well", "ghcr.io/acme/cut"])
      await release(image, "2");
    await release("apps/same", "1", { ...SAME, docker: true });
    faults = await hubControl.faults([
      { match: "GET .*/library/broken/blobs/", status: 404 },
      { match: "ghcr.io/", cut: true },
    ]);
    ends = await update(stack);
  });
  after(async () => {
    await faults[Symbol.asyncDispose]();
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("in the middle of a pull fails that update, and touches nothing", async () => {
    assert.equal(ends["broken"], "failed");
    assert.match((await stack.awaitResult("broken")).because, /^broken:latest could not be pulled: .+/);
    assert.equal(await idOf(h1, "broken"), ids["broken"]);
    assert.equal(await startedAt("db"), began);
    assert.ok(!stack.heard().some((one) => /(broken|db)$/.test(one)));
  });

  it("is tried again after a while", async () => {
    assert.ok(((await readHold(stack, "broken"))?.until ?? 0) > Date.now());
    assert.match((await skippedContainers(stack))["broken"] ?? "", /^held: .* until \d/s);
  });

  it("for good concerns its own images only", async () => {
    assert.equal(ends["well"], "updated");
    assert.notEqual(await idOf(h1, "well"), ids["well"]);
    assert.deepEqual([ends["cut"], ends["nowhere"]], [undefined, undefined]);
    const left = await skippedContainers(stack);
    assert.match(left["cut"] ?? "", /ghcr\.io/);
    assert.match(left["nowhere"] ?? "", /nowhere\.lab:5000/);
    for (const name of ["cut", "nowhere"]) assert.equal(await idOf(h1, name), ids[name]);
  });

  it("and then has another manifest of the same image changes nothing", async () => {
    assert.equal(ends["same"], "current");
    assert.equal(await idOf(h1, "same"), ids["same"]);
    assert.equal((await skippedContainers(stack))["same"], "current");
    assert.ok(!stack.heard().some((one) => one.endsWith("same")));
  });
});

describe("dependencies", () => {
  const ids: Record<string, string> = {};
  let stack: Stack;
  let ends: Record<string, UpdateResult>;
  let seen: string[];

  before(async () => {
    for (const [name, on] of [
      ...[["one", "two"], ["two", "one"]], // prettier-ignore
      ...[
        ["off", ""],
        ["cache", ""],
        ["web", "off,cache"],
      ],
      ...[
        ["db", ""],
        ["api", "db"],
      ],
      ...[
        ["store", ""],
        ["shop", "store"],
      ],
    ] as const)
      ids[name] = await deploy(h1, name, on === "" ? {} : needs(on, name === "shop" ? LONG_SETTLE_TIME : {}));
    await h1.docker.getContainer("off").stop();
    stack = await startStack({ engine: h1, env: { SETTLE_TIME: "2s" } });
    await stack.check();
    for (const name of ["one", "two", "web", "db", "api"]) await release(`apps/${name}`, "2");
    await release("apps/shop", "2", { cmd: "exit 1" });
    ends = await update(stack);
    seen = await overview(h1);
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("in a cycle are left alone", async () => {
    const { one, two } = await skippedContainers(stack);
    assert.deepEqual([one, two], Array(2).fill("its dependencies form a cycle"));
    for (const name of ["one", "two"]) assert.equal(await idOf(h1, name), ids[name]);
  });

  it("that did not run before stay stopped", () => {
    assert.equal(ends["web"], "updated");
    assert.ok(["cache running 1", "off exited 1", "web running 2"].every((one) => seen.includes(one)));
    assert.deepEqual(heardOf("off"), []);
  });

  it("that are updated too are stopped with the others, and their update takes the place of their start", () => {
    assert.deepEqual([ends["db"], ends["api"]], ["updated", "updated"]);
    assert.ok(["api running 2", "db running 2"].every((one) => seen.includes(one)));
    assert.deepEqual(heardOf("api", "db"), [
      "before_stop_depends_container db",
      "before_update api",
      "after_update api",
      "before_update db",
      "after_update db",
    ]);
  });

  it("run again when what depends on them is rolled back", async () => {
    assert.equal(ends["shop"], "rolled_back");
    assert.ok(["shop running 1", "store running 1"].every((one) => seen.includes(one)));
    for (const name of ["shop", "store"]) assert.equal(await idOf(h1, name), ids[name]);
    assert.equal(heardOf("store").at(-1), "before_start_depends_container store");
  });

  it("leave no marker behind", async () => {
    await assertLeft(h1, [], isVolume);
  });

  const heardOf = (...names: string[]): string[] =>
    stack.heard().filter((one) => names.includes(one.split(" ")[1] ?? ""));
});

/** Pushed again with Docker's media types it has another digest and the same image id. */
const SAME = { created: "2025-01-01T00:00:00Z", body: "same" };

/** Its registry does not exist any more. */
async function deployFromNowhere(): Promise<string> {
  const { reference } = await release("apps/nowhere", "1");
  await pull(h1, reference);
  await h1.docker.getImage(reference).tag({ repo: "nowhere.lab:5000/app", tag: "latest" });
  const container = await h1.docker.createContainer({
    name: "nowhere",
    Image: "nowhere.lab:5000/app:latest",
  });
  await container.start();
  return container.id;
}

const needs = (names: string, labels: Record<string, string> = {}) => ({
  create: { Labels: { "com.ouroboros.depends_on": names, ...labels } },
});

const startedAt = async (name: string): Promise<string> =>
  (await h1.docker.getContainer(name).inspect()).State.StartedAt;
