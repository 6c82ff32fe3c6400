import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import type { End } from "../../shared/run-records.ts";
import { type ImageOptions, engine, hubControl, leftovers, pushApp } from "../bed/bed.ts";
import { deploy, idOf, overview, pull, release } from "../support/containers.ts";
import { held, leftAlone, update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";

const h1 = engine(1);
const ALWAYS = { HostConfig: { RestartPolicy: { Name: "always" } } };
const NEVER_HEALTHY = { Test: ["CMD-SHELL", "false"], Interval: 1e9, Timeout: 1e9, StartPeriod: 300e9 };

describe("an image that does not work", () => {
  /** [sentence, name, the new image, why it is rolled back, how the container was created] */
  const broken: readonly [string, string, ImageOptions, RegExp, object?][] = [
    ["cannot start", "unstartable", { entrypoint: ["/no/such/program"] }, /"start the successor" failed.*no such/],
    ["exits at once", "short", { cmd: "exit 7" }, /"prove the successor" failed.*exited with code 7/],
    ["ends well, but ends", "done", { cmd: "exit 0" }, /exited with code 0/],
    ["exits and is restarted", "looping", { cmd: "sleep 0.5; exit 3" }, /exited with code 3/, ALWAYS],
    ["is unhealthy", "ill", { health: "echo it hurts; false" }, /is unhealthy: it hurts/],
    ["never gets healthy", "slow", { healthcheck: NEVER_HEALTHY }, /did not become healthy within 3 s/],
  ];
  const ids: Record<string, string> = {};
  const VOLUMES = ["/data"];
  let stack: Stack;
  let ends: Record<string, End>;
  let volumes: string[];

  before(async () => {
    for (const [, name, , , create] of broken)
      ids[name] = await deploy(h1, name, { imageOptions: { volumes: VOLUMES }, ...(create && { create }) });
    volumes = await volumesOf();
    const env = { HEALTH_TIMEOUT: "3s", SETTLE_TIME: "1500ms", SWAPS: "6" };
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
      assert.match((await stack.ended(name)).because, because);
      const { Id, Name, State, Config } = await h1.docker.getContainer(ids[name] ?? "").inspect();
      assert.deepEqual([Id, Name, State.Running], [ids[name], `/${name}`, true]);
      assert.ok(Config.Env.includes("VERSION=1"));
    });
  }

  it("leaves nothing else", async () => {
    assert.deepEqual(await overview(h1), broken.map(([, name]) => `${name} running 1`).sort());
    assert.deepEqual(await volumesOf(), volumes);
    assert.deepEqual(await readdir(join(stack.folder, "data/replaced")), []);
  });

  it("leaves the restart policy as it was", async () => {
    for (const [, name, , , create] of broken) {
      const { HostConfig } = await h1.docker.getContainer(name).inspect();
      assert.equal(HostConfig.RestartPolicy?.Name, create === ALWAYS ? "always" : "no");
    }
  });

  it("is held until its tag moves again, and then tried again", async () => {
    const left = await leftAlone(stack);
    for (const [, name] of broken) {
      assert.match(left[name] ?? "", /^held: .*, until its tag moves again$/s);
      assert.deepEqual((await held(stack, name))?.until, null);
    }
    await release("apps/short", "3", { volumes: VOLUMES });
    assert.deepEqual(await update(stack), { short: "updated" });
    assert.equal(await held(stack, "short"), undefined);
  });
});

describe("a registry that fails", () => {
  afterEach(() => h1.clean());

  it("in the middle of a pull fails that update, and touches nothing", async () => {
    await deploy(h1, "db");
    const create = { Labels: { "com.ouroboros.depends_on": "db" } };
    const web = await deploy(h1, "web", { image: "docker.io/library/web", create });
    const other = await deploy(h1, "other");
    const began = await startedAt("db");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await release("docker.io/library/web", "2");
    await release("apps/other", "2");
    await using _fault = await hubControl.faults([{ match: "GET .*/library/web/blobs/", status: 404 }]);
    assert.deepEqual(await update(stack), { web: "failed", other: "updated" });
    assert.match((await stack.ended("web")).because, /^web:latest could not be pulled: /);
    assert.equal(await idOf(h1, "web"), web);
    assert.notEqual(await idOf(h1, "other"), other);
    assert.deepEqual(await overview(h1), ["db running 1", "other running 2", "web running 1"]);
    assert.equal(await startedAt("db"), began);
    assert.deepEqual(
      stack.heard().filter((one) => !one.endsWith("other")),
      ["updates_enumerated"],
    );
    assert.ok(((await held(stack, "web"))?.until ?? 0) > Date.now());
    assert.match((await leftAlone(stack))["web"] ?? "", /^held: .* until \d/s);
  });

  it("for good concerns its own images only", async () => {
    await deploy(h1, "web");
    await deploy(h1, "cut", { image: "ghcr.io/acme/cut" });
    const { reference } = await release("apps/gone", "1");
    await pull(h1, reference);
    await h1.docker.getImage(reference).tag({ repo: "nowhere.lab:5000/gone", tag: "latest" });
    await (await h1.docker.createContainer({ name: "gone", Image: "nowhere.lab:5000/gone:latest" })).start();
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await using _fault = await hubControl.faults([{ match: "ghcr.io/", cut: true }]);
    await release("apps/web", "2");
    await release("ghcr.io/acme/cut", "2");
    assert.deepEqual(await update(stack), { web: "updated" });
    const left = await leftAlone(stack);
    assert.match(left["cut"] ?? "", /ghcr\.io/);
    assert.match(left["gone"] ?? "", /nowhere\.lab:5000/);
    assert.deepEqual(await overview(h1), ["cut running 1", "gone running 1", "web running 2"]);
  });

  it("with another manifest of the same image ends as current", async () => {
    const same = { created: "2025-01-01T00:00:00Z", env: ["VERSION=1"], body: "same" };
    const { reference } = await pushApp("apps/web", "latest", same);
    await pull(h1, reference);
    const web = await h1.docker.createContainer({ name: "web", Image: reference });
    await web.start();
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await pushApp("apps/web", "latest", { ...same, docker: true });
    assert.deepEqual(await update(stack), { web: "current" });
    assert.equal(await idOf(h1, "web"), web.id);
    assert.equal((await leftAlone(stack))["web"], "current");
    assert.deepEqual(stack.heard(), ["updates_enumerated"]);
  });
});

describe("dependencies", () => {
  afterEach(() => h1.clean());

  it("in a cycle are left alone", async () => {
    const ids = [await deploy(h1, "one", needs("two")), await deploy(h1, "two", needs("one"))];
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await release("apps/one", "2");
    await release("apps/two", "2");
    const because = "its dependencies form a cycle";
    assert.deepEqual(await leftAlone(stack), { one: because, two: because });
    assert.deepEqual([await idOf(h1, "one"), await idOf(h1, "two")], ids);
  });

  it("that did not run before stay stopped", async () => {
    const db = await deploy(h1, "db");
    await h1.docker.getContainer(db).stop();
    await deploy(h1, "web", needs("db,cache"));
    await deploy(h1, "cache");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { web: "updated" });
    assert.deepEqual(await overview(h1), ["cache running 1", "db exited 1", "web running 2"]);
    assert.ok(!stack.heard().some((one) => one.endsWith(" db")));
  });

  it("that are updated too are stopped with the others, and their update takes the place of their start", async () => {
    await deploy(h1, "db");
    await deploy(h1, "web", needs("db"));
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await release("apps/db", "2");
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { db: "updated", web: "updated" });
    assert.deepEqual(await overview(h1), ["db running 2", "web running 2"]);
    assert.deepEqual(stack.heard(), [
      "updates_enumerated",
      "before_stop_depends_container db",
      "before_update web",
      "after_update web",
      "before_update db",
      "after_update db",
    ]);
  });

  it("run again when what depends on them is rolled back", async () => {
    const ids = [await deploy(h1, "db"), await deploy(h1, "web", needs("db"))];
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await release("apps/web", "2", { cmd: "exit 1" });
    assert.deepEqual(await update(stack), { web: "rolled_back" });
    assert.deepEqual(await overview(h1), ["db running 1", "web running 1"]);
    assert.deepEqual([await idOf(h1, "db"), await idOf(h1, "web")], ids);
    assert.deepEqual(await volumesOf(), []);
    assert.equal(stack.heard().at(-1), "before_start_depends_container db");
  });
});

const needs = (names: string) => ({ create: { Labels: { "com.ouroboros.depends_on": names } } });

const volumesOf = async (): Promise<string[]> =>
  (await leftovers(h1)).filter((one) => one.includes(": volume ")).sort();

const startedAt = async (name: string): Promise<string> =>
  (await h1.docker.getContainer(name).inspect()).State.StartedAt;
